import { postgresMajor, startPostgres } from '@headgate/test-servers';
import { afterAll, beforeAll } from 'vitest';
import { openDatabase } from './database.js';
import { conformanceOn } from './suites.js';
import type { TestServer } from '@headgate/test-servers';
import type { TestDatabase } from './database.js';

let server: TestServer;
let database: TestDatabase;
beforeAll(async () => {
  server = await startPostgres({ version: 'embedded' });
  database = await openDatabase({ url: server.url, max: 20 });
});
afterAll(async () => {
  await database.drop();
  await server.stop();
});

conformanceOn(`@headgate/postgres on PostgreSQL ${postgresMajor('embedded')}`, () => database);
