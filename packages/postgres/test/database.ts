import { randomBytes } from 'node:crypto';
import { migrate } from '@headgate/postgres';
import { sharedServer } from '@headgate/test-servers';
import pg from 'pg';
import type { SchemaSqlOptions } from '@headgate/postgres';

/** A schema of a test's own on a PostgreSQL, and a pool to reach it. */
export interface TestDatabase {
  readonly url: string;
  readonly schema: string;
  readonly pool: pg.Pool;
  drop(): Promise<void>;
}

export function randomSchema(): string {
  return `headgate_${randomBytes(6).toString('hex')}`;
}

/** Makes a schema; `url` is the shared server's by default. */
export async function openDatabase(
  options: { url?: string; max?: number } & SchemaSqlOptions = {},
): Promise<TestDatabase> {
  const url = options.url ?? (await sharedServer('postgres')).url;
  const schema = options.schema ?? randomSchema();
  const pool = new pg.Pool({ connectionString: url, max: options.max ?? 10 });
  pool.on('error', () => {}); // a restart of the server ends idle connections, which is no failure of a test
  await migrate({ pool, schema, ...(options.unlogged === undefined ? {} : { unlogged: options.unlogged }) });
  return {
    url,
    schema,
    pool,
    drop: async () => {
      await pool.query(`DROP SCHEMA "${schema}" CASCADE`);
      await pool.end();
    },
  };
}

/** Replaces the clock of the schema by one that tests set; returns how to set it. */
export async function manualClock(
  { pool, schema }: TestDatabase,
  startUs: number,
): Promise<(nowUs: number) => Promise<void>> {
  await pool.query(`
    CREATE TABLE "${schema}".test_clock (now_us bigint NOT NULL);
    INSERT INTO "${schema}".test_clock VALUES (${startUs});
    CREATE OR REPLACE FUNCTION "${schema}".now_us_v1() RETURNS bigint LANGUAGE sql VOLATILE AS $fn$ SELECT now_us FROM "${schema}".test_clock $fn$;
    CREATE OR REPLACE FUNCTION "${schema}".statement_us_v1() RETURNS bigint LANGUAGE sql STABLE AS $fn$ SELECT now_us FROM "${schema}".test_clock $fn$`);
  return async (nowUs) => {
    await pool.query(`UPDATE "${schema}".test_clock SET now_us = $1`, [nowUs]);
  };
}
