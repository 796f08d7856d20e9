import { afterAll, beforeAll } from 'vitest';
import { openDatabase } from './database.js';
import { conformanceOn } from './suites.js';
import type { TestDatabase } from './database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase({ max: 20 });
});
afterAll(() => database.drop());

conformanceOn('@headgate/postgres on PostgreSQL 15', () => database);
