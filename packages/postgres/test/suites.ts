import { limiterConformance, lockConformance } from '@headgate/conformance';
import { migrate, postgresLimiterStore, postgresLockStore } from '@headgate/postgres';
import { describe, it } from 'vitest';
import type { TestDatabase } from './database.js';

/** Registers both conformance suites against a database that is there by the time the tests run. */
export function conformanceOn(version: string, database: () => TestDatabase): void {
  const program = (name: string): { file: URL; args: string[] } => ({
    file: new URL(`programs/${name}.mjs`, import.meta.url),
    args: [database().url, database().schema],
  });

  limiterConformance({
    describe,
    it,
    version: version,
    createStore: () => {
      const { pool, schema } = database();
      return {
        store: postgresLimiterStore({ pool, schema }),
        openPeer: () => postgresLimiterStore({ pool, schema }),
        setup: () => migrate({ pool, schema }),
        program: program('limiter-holder'),
        records: async () => {
          const { rows } = await pool.query<{ id: string; content: string; freshAtMs: number }>(
            `SELECT encode(key_hash, 'hex') AS id, t::text AS content, fresh_us / 1000.0::float8 AS "freshAtMs" FROM "${schema}".limits t`,
          );
          return rows.map(({ id, content, freshAtMs }) => ({ id, content, expiresAtMs: freshAtMs }));
        },
        writeForeignRecord: async (key) => {
          await pool.query(
            `INSERT INTO "${schema}".limits (key_hash, key, fresh_hour, version, last_us, blocked_us, fresh_us, names, data)
           VALUES (sha256($1), $1, 0, 99, 0, 0, 0, '{}', '{}')`,
            [Buffer.from(key)],
          );
        },
      };
    },
  });

  lockConformance({
    describe,
    it,
    version: version,
    createStore: () => {
      const options = { connection: database().url, schema: database().schema, ttlClassesMs: [1_000, 10_000, 600_000] };
      return {
        store: postgresLockStore(options),
        openPeer: () => postgresLockStore(options),
        program: program('lock-holder'),
      };
    },
  });
}
