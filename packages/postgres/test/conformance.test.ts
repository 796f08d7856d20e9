import { afterAll } from 'vitest';
import { openDatabase } from './database.js';
import { conformanceOn } from './suites.js';

const database = await openDatabase({ max: 20 });
afterAll(() => database.drop());

const { rows } = await database.pool.query<{ major: number }>(
  `SELECT current_setting('server_version_num')::int / 10000 AS major`,
);
conformanceOn(`@headgate/postgres on PostgreSQL ${rows[0]?.major}`, () => database);
