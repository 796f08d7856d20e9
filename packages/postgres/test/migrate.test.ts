import { InvalidArgumentError, StoreError } from '@headgate/core';
import { migrate, postgresLimiterStore, postgresLockStore, schemaSql } from '@headgate/postgres';
import { sharedServer } from '@headgate/test-servers';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tokenBucket } from '@headgate/core';
import { openDatabase, randomSchema } from './database.js';

let url: string;
let pool: pg.Pool;
beforeAll(async () => {
  ({ url } = await sharedServer('postgres'));
  pool = new pg.Pool({ connectionString: url, max: 12 });
});
afterAll(() => pool.end());

const step = {
  key: 'k',
  limits: [tokenBucket({ capacity: 5, refillIntervalMs: 60_000 })],
  ops: [{ kind: 'consume', cost: 1 }],
} as const;
const lease = { key: 'k', leaseId: 'l', mode: 'exclusive', ownerId: 'o', permits: 1, ttlMs: 5_000 } as const;

it('ten migrations at once and one more on a schema in use all succeed and lose nothing', async () => {
  const schema = randomSchema();
  await Promise.all(Array.from({ length: 10 }, () => migrate({ pool, schema, prefix: 'rate_' })));
  const store = postgresLimiterStore({ pool, schema, prefix: 'rate_' });
  await store.decide([step], {});
  await migrate({ pool, schema, prefix: 'rate_' });
  await pool.query(schemaSql({ schema, prefix: 'rate_' }));
  const [result] = await store.decide([step], {});
  expect(result).toMatchObject({ answers: [{ allowed: true, remaining: 3 }] });
  const { rows } = await pool.query(
    'SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1',
    [schema],
  );
  expect(rows.every(({ relname }) => (relname as string).startsWith('rate_'))).toBe(true);
  await pool.query(`DROP SCHEMA "${schema}" CASCADE`);
});

it('a schema of a newer release is refused and left alone', async () => {
  const { schema, drop } = await openDatabase();
  await pool.query(`UPDATE "${schema}".schema_version SET version = 99`);
  await expect(migrate({ pool, schema })).rejects.toThrow(/newer Headgate/);
  await drop();
});

it.each(['Public', 'a"b', "a'; DROP TABLE x; --", '', 'a b', '1a', 'x'.repeat(64)])(
  'the schema name %j is refused',
  (schema) => {
    expect(() => schemaSql({ schema })).toThrow(InvalidArgumentError);
  },
);

it('without its schema each store says to run migrate()', async () => {
  const limiter = postgresLimiterStore({ pool, schema: 'headgate_nowhere' });
  await expect(limiter.decide([step], {})).rejects.toThrow(/migrate\(\)/);
  const locks = postgresLockStore({ connection: url, schema: 'headgate_nowhere' });
  const failure = await locks.acquire(lease).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StoreError);
  expect((failure as Error).message).toMatch(/migrate\(\)/);
  await locks.close();
});

it('a role without rights is told what to grant', async () => {
  const { schema, drop } = await openDatabase();
  const role = `role_${schema}`;
  await pool.query(`CREATE ROLE ${role} LOGIN`);
  const connection = url.replace('postgres@', `${role}@`);
  const weak = new pg.Pool({ connectionString: connection, max: 1 });
  const limiting = await postgresLimiterStore({ pool: weak, schema })
    .decide([step], {})
    .catch((error: unknown) => error);
  expect(limiting).toMatchObject({
    code: 'HEADGATE_STORE',
    kind: 'auth',
    message: expect.stringMatching(/grant it USAGE/),
  });
  const locks = postgresLockStore({ connection, schema });
  await expect(locks.acquire(lease)).rejects.toMatchObject({
    kind: 'auth',
    message: expect.stringMatching(/grant it USAGE/),
  });
  await expect(migrate({ pool: weak, schema: 'headgate_new' })).rejects.toMatchObject({ kind: 'auth' });
  await locks.close();
  await pool.query(
    `GRANT USAGE ON SCHEMA "${schema}" TO ${role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO ${role}`,
  );
  expect(await postgresLimiterStore({ pool: weak, schema }).decide([step], {})).toMatchObject([
    { answers: [{ allowed: true }] },
  ]);
  const granted = postgresLockStore({ connection, schema });
  expect(await granted.acquire({ ...lease, waiter: { ttlMs: 1_000 } })).toMatchObject({ acquired: true });
  expect(await granted.acquire({ ...lease, leaseId: 'm', waiter: { ttlMs: 1_000 } })).toMatchObject({
    acquired: false,
  });
  await granted.close();
  await migrate({ pool: weak, schema });
  await weak.end();
  await drop();
  await pool.query(`DROP ROLE ${role}`);
});

it('a pool in place of a connection, and the reverse, are refused with what to pass', () => {
  expect(() => postgresLockStore({ connection: pool as never })).toThrow(
    /connection string or a ClientConfig of `pg`, not a Pool/,
  );
  expect(() => postgresLimiterStore({ pool: url as never })).toThrow(/a Pool of `pg`/);
  expect(() => postgresLimiterStore({ pool: { connectionString: url } as never })).toThrow(InvalidArgumentError);
});
