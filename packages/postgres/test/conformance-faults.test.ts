import { limiterConformance, lockConformance } from '@headgate/conformance';
import { postgresLimiterStore, postgresLockStore } from '@headgate/postgres';
import { postgresMajor, startPostgres } from '@headgate/test-servers';
import pg from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { openDatabase } from './database.js';
import { hurtServer, sturdyPool } from './fault-hooks.js';
import type { Faults } from '@headgate/conformance';
import type { TestServer } from '@headgate/test-servers';
import type { TestDatabase } from './database.js';
import type { HurtServer } from './fault-hooks.js';

const names = [
  'kill',
  'pause',
  'resume',
  'restartStore',
  'dropConnections',
  'blackhole',
  'heal',
  'dropReply',
  'wipe',
] as const;

const servers = (['system', 'embedded'] as const).map(
  (installed) => [`@headgate/postgres on PostgreSQL ${postgresMajor(installed)}`, installed] as const,
);

describe.each(servers)('%s, hurt', (version, installed) => {
  let server: TestServer;
  let database: TestDatabase;
  let hurt: HurtServer;
  let requests = 0;

  beforeAll(async () => {
    server = await startPostgres({ version: installed });
    database = await openDatabase({ url: server.url });
    hurt = await hurtServer(server, () => database);
    // Every row written counts once, whether or not its transaction commits.
    await database.pool.query(`
      CREATE SEQUENCE "${database.schema}".writes;
      CREATE FUNCTION "${database.schema}".count_write() RETURNS trigger LANGUAGE plpgsql AS
        $fn$ BEGIN PERFORM nextval('"${database.schema}".writes'); RETURN NULL; END $fn$;
      CREATE TRIGGER count_writes AFTER INSERT OR UPDATE OR DELETE ON "${database.schema}".limits
        FOR EACH ROW EXECUTE FUNCTION "${database.schema}".count_write()`);
  });
  afterAll(async () => {
    await database.pool.end();
    await hurt.proxy.stop();
    await server.stop();
  });

  // The server is started by then; before, only whether a hook is there is asked.
  const later = (name: keyof Faults) => (): Promise<never> => (hurt.faults[name] as () => Promise<never>)();
  const faults: Faults = Object.fromEntries(names.map((name) => [name, later(name)]));

  limiterConformance({
    describe,
    it,
    version,
    only: ['faults', 'budget'],
    faults: {
      ...faults,
      counters: async () => {
        const { rows } = await database.pool.query<{ n: number }>(
          `SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int AS n FROM "${database.schema}".writes`,
        );
        return { requests, writes: rows[0]?.n ?? 0 };
      },
    },
    createStore: () => {
      const pools: pg.Pool[] = [];
      const open = () => {
        const pool = sturdyPool(hurt.url, () => (requests += 1));
        pools.push(pool);
        return postgresLimiterStore({ pool, schema: database.schema });
      };
      const store = open();
      return {
        store,
        openPeer: open,
        close: async () => {
          await store.close();
          await hurt.proxy.pass();
          await Promise.all(pools.map((pool) => pool.end()));
        },
      };
    },
  });

  lockConformance({
    describe,
    it,
    version,
    only: ['faults', 'fence/rises-over-loss-of-all-data'],
    faults,
    createStore: () => {
      const open = () =>
        postgresLockStore({
          connection: { connectionString: hurt.url, connectionTimeoutMillis: 1_000 },
          schema: database.schema,
          ttlClassesMs: [1_000, 5_000, 600_000],
          answerTimeoutMs: 2_000,
        });
      return { store: open(), openPeer: open };
    },
  });
});
