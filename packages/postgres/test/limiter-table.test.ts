import { fixedWindow, tokenBucket } from '@headgate/core';
import { postgresLimiterStore } from '@headgate/postgres';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { manualClock, openDatabase } from './database.js';
import type { LimiterStep } from '@headgate/core';
import type { TestDatabase } from './database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.drop());

const consume = (
  key: string,
  cost = 1,
  limits = [tokenBucket({ capacity: 1_000, refillIntervalMs: 86_400_000 })],
): LimiterStep => ({
  key,
  limits,
  ops: [{ kind: 'consume', cost }],
});

async function settled(store: ReturnType<typeof postgresLimiterStore>, steps: LimiterStep[]): Promise<void> {
  for (const result of await store.decide(steps, {})) expect(result).toHaveProperty('answers');
}

it.each([
  ['one token bucket', consume('denied', 1_001), consume('denied', 1_000)],
  ['a lone caller', consume('denied 1', 1), consume('denied 1', 1_000)],
  [
    'a lone caller of another limit',
    consume('denied 3', 1, [tokenBucket({ capacity: 7, refillIntervalMs: 86_400_000 })]),
    consume('denied 3', 1_000),
  ],
  [
    'any limits',
    consume('denied 2', 11, [fixedWindow({ limit: 10, windowMs: 86_400_000 })] as never),
    consume('denied 2', 10, [fixedWindow({ limit: 10, windowMs: 86_400_000 })] as never),
  ],
])('a denial writes no WAL (%s)', async (_name, denied, admitted) => {
  const { pool, schema } = database;
  const store = postgresLimiterStore({ pool, schema });
  await settled(store, [admitted]);
  // The very statement the store sends, as the server explains it.
  const client = await pool.connect();
  try {
    const wal = async (step: LimiterStep): Promise<number> => {
      let bytes = -1;
      const explaining = {
        query: async ({ text, values }: { text: string; values?: unknown[] }) => {
          const { rows } = await client.query(`EXPLAIN (ANALYZE, WAL, FORMAT JSON) ${text}`, values);
          bytes = (rows[0] as { 'QUERY PLAN': [{ Plan: { 'WAL Bytes': number } }] })['QUERY PLAN'][0].Plan['WAL Bytes'];
          return { rows: [['0']] };
        },
      };
      await postgresLimiterStore({ pool: explaining, schema }).decide([step], {});
      return bytes;
    };
    await wal(denied); // the first reader may note on the page that the writer has committed
    expect(await wal(denied)).toBe(0);
    expect(await wal({ ...admitted, key: `${admitted.key} other` })).toBeGreaterThan(0);
  } finally {
    client.release();
  }
});

/** Ends the connections of `own`, upon which each reports what it counted, and drops it. Resolves to the share of HOT ones among so many updates. */
async function hotShare(own: TestDatabase, updates: number): Promise<number> {
  await own.pool.end();
  const { pool } = database;
  const count = async (): Promise<{ updates: number; hot: number } | undefined> => {
    const { rows } = await pool.query<{ updates: number; hot: number }>(
      `SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = 'limits'`,
      [own.schema],
    );
    return rows[0];
  };
  await expect.poll(count, { timeout: 20_000 }).toMatchObject({ updates });
  const { hot } = (await count()) as { hot: number };
  await pool.query(`DROP SCHEMA "${own.schema}" CASCADE`);
  return hot / updates;
}

it.each([
  ['a token every 86 seconds', undefined, 0.9],
  // The index moves each time that the record is twice as far from fresh.
  ['a token every hour', [tokenBucket({ capacity: 1_000, refillTokens: 1, refillIntervalMs: 3_600_000 })], 0.8],
])('updates stay HOT (%s)', async (_name, limits, share) => {
  const own = await openDatabase();
  const store = postgresLimiterStore({ pool: own.pool, schema: own.schema });
  const keys = Array.from({ length: 50 }, (_, i) => `hot ${i}`);
  for (let round = 0; round < 40; round++) {
    await settled(
      store,
      keys.map((key) => consume(key, 1, limits)),
    );
  }
  // Not all: while a page of new rows fills up, a second version may not fit until the first is pruned.
  expect(await hotShare(own, 1_950)).toBeGreaterThan(share);
});

it('updates of lone callers stay HOT', async () => {
  const own = await openDatabase();
  const store = postgresLimiterStore({ pool: own.pool, schema: own.schema });
  for (let round = 0; round < 40; round++)
    for (let key = 0; key < 10; key++) await settled(store, [consume(`hot ${key}`)]);
  expect(await hotShare(own, 390)).toBeGreaterThan(0.9);
});

it.each([
  ['empty', 0],
  ['of one row', 1],
])('a plan made while the table was small finds rows by the index after it has grown (%s)', async (_name, before) => {
  const own = await openDatabase({ max: 1 });
  const { pool, schema } = own;
  await pool.query(`ALTER TABLE "${schema}".limits SET (autovacuum_enabled = off)`);
  const store = postgresLimiterStore({ pool, schema });
  if (before === 0) {
    // Rows that come and go leave pages in which the planner knows of no row.
    await pool.query(
      `INSERT INTO "${schema}".limits SELECT sha256(int4send(n)), '', 0, 1, 0, 0, 0, NULL, '{}', '{}' FROM generate_series(1, 60) n`,
    );
    await pool.query(`DELETE FROM "${schema}".limits WHERE fresh_hour = 0`);
    await pool.query(`ANALYZE "${schema}".limits`);
  } else {
    await settled(store, [consume('first')]);
    await pool.query(`VACUUM ANALYZE "${schema}".limits`);
  }
  for (let i = 0; i < 10; i++) await settled(store, [consume('first')]);
  const { rows: statements } = await pool.query<{ name: string; generic: number }>(
    `SELECT name, generic_plans::int AS generic FROM pg_prepared_statements WHERE name LIKE '%lone'`,
  );
  expect(statements).toEqual([{ name: expect.any(String), generic: expect.any(Number) }]);
  const [{ name, generic }] = statements as [{ name: string; generic: number }];
  expect(generic, 'calls with the cached plan').toBeGreaterThan(0);
  const plan = async (): Promise<string> => {
    const { rows } = await pool.query(`EXPLAIN EXECUTE "${name}" ('k', '{default}', '{0,1,1,1}', 1, 0, 1, 1)`);
    return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
  };
  const byIndex = async (): Promise<void> => {
    const text = await plan();
    expect(text).toMatch(/Index Scan using limits_pkey on limits t .*\n.*Index Cond: \(key_hash = .*\$1/);
    expect(text).not.toMatch(/Seq Scan/);
    // The function is not asked where the update has taken.
    expect(text).toMatch(/One-Time Filter: \(NOT/);
  };
  await byIndex();
  await pool.query(
    `INSERT INTO "${schema}".limits SELECT sha256(int4send(n)), '', 0, 1, 0, 0, 0, NULL, '{}', '{}' FROM generate_series(1, 100000) n`,
  );
  await byIndex();
  await own.drop();
});

it('a limit may be named null', async () => {
  const { pool, schema } = database;
  const store = postgresLimiterStore({ pool, schema });
  const limits = [tokenBucket({ name: 'null', capacity: 10, refillIntervalMs: 86_400_000 })];
  for (const remaining of [9, 8]) {
    const [lone] = await store.decide([consume('alone', 1, limits)], {});
    expect(lone).toMatchObject({ answers: [{ allowed: true, remaining }] });
    const batch = await store.decide([consume('one of two', 1, limits), consume('other of two', 1, limits)], {});
    for (const result of batch) expect(result).toMatchObject({ answers: [{ allowed: true, remaining }] });
  }
});

it('lone callers at once take exactly what is there', async () => {
  const { pool, schema } = database;
  const stores = [postgresLimiterStore({ pool, schema }), postgresLimiterStore({ pool, schema })];
  const limits = [tokenBucket({ capacity: 100, refillIntervalMs: 86_400_000 })];
  const results = await Promise.all(
    Array.from({ length: 150 }, (_, i) =>
      (stores[i % 2] as (typeof stores)[0]).decide([consume('race', 1, limits)], {}),
    ),
  );
  const allowed = results.flat().map((result) => 'answers' in result && result.answers[0]?.allowed);
  expect(allowed.filter((each) => each === true)).toHaveLength(100);
  expect(allowed.filter((each) => each === false)).toHaveLength(50);
});

it('clean-up removes what equals a fresh record, in batches, and nothing else, from several callers at once', async () => {
  const own = await openDatabase();
  const setClock = await manualClock(own, 1_795_000_000_000_000);
  const store = postgresLimiterStore({ pool: own.pool, schema: own.schema });
  const short = [tokenBucket({ capacity: 10, refillIntervalMs: 1_000 })];
  const long = [tokenBucket({ capacity: 10, refillIntervalMs: 86_400_000 })];
  const steps = Array.from({ length: 60 }, (_, i) => consume(`short ${i}`, 10, short));
  await settled(store, [...steps, ...Array.from({ length: 5 }, (_, i) => consume(`long ${i}`, 1, long))]);
  expect(await store.cleanUp()).toBe(0);
  await setClock(1_795_000_000_999_999);
  expect(await store.cleanUp(), 'a microsecond early').toBe(0);
  await setClock(1_795_000_001_000_000);
  const removed = await Promise.all(Array.from({ length: 4 }, () => store.cleanUp({ limit: 10 })));
  const first = removed.reduce((sum, each) => sum + each, 0);
  expect(first).toBeGreaterThanOrEqual(10);
  expect(first).toBeLessThanOrEqual(40);
  expect((await store.cleanUp()) + first).toBe(60);
  const { rows } = await own.pool.query(`SELECT key FROM "${own.schema}".limits WHERE key <> ''`);
  expect(rows).toHaveLength(5);
  await own.drop();
});

it('clean-up finds a record whose time to be fresh moved on with each consume, then and not before', async () => {
  const own = await openDatabase();
  const start = 1_795_000_000_000_000;
  const setClock = await manualClock(own, start);
  const store = postgresLimiterStore({ pool: own.pool, schema: own.schema });
  const slow = [tokenBucket({ capacity: 100, refillTokens: 1, refillIntervalMs: 3_600_000 })];
  for (let i = 0; i < 20; i++) await settled(store, [consume('slow', 1, slow)]);
  for (const hours of [1, 5, 10, 16, 19]) {
    await setClock(start + hours * 3_600_000_000);
    expect(await store.cleanUp(), `after ${hours} hours`).toBe(0);
  }
  await setClock(start + 20 * 3_600_000_000);
  expect(await store.cleanUp()).toBe(1);
  await own.drop();
});

it('an unlogged table is made only when asked for', async () => {
  const unlogged = await openDatabase({ unlogged: true });
  const persistence = async ({ pool, schema }: TestDatabase) =>
    (await pool.query('SELECT relpersistence FROM pg_class WHERE oid = $1::regclass', [`"${schema}".limits`])).rows[0];
  expect(await persistence(unlogged)).toEqual({ relpersistence: 'u' });
  expect(await persistence(database)).toEqual({ relpersistence: 'p' });
  await unlogged.drop();
});

it('one step’s broken row is that step’s error, and the others are decided', async () => {
  const { pool, schema } = database;
  const store = postgresLimiterStore({ pool, schema });
  await settled(store, [consume('broken')]);
  await pool.query(`UPDATE "${schema}".limits SET level = -9223372036854775808 WHERE key = 'broken'`);
  const [good, broken, better] = await store.decide([consume('good'), consume('broken'), consume('better')], {});
  expect(good).toHaveProperty('answers');
  expect(broken).toMatchObject({ error: { code: 'HEADGATE_STORE' } });
  expect(better).toHaveProperty('answers');
});

it('a pool that has no connection left says so', async () => {
  const { url, schema } = database;
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 100 });
  const client = await pool.connect();
  const failure = await postgresLimiterStore({ pool, schema })
    .decide([consume('k')], {})
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'HEADGATE_STORE', kind: 'throttled', message: expect.stringMatching(/`max`/) });
  client.release();
  await pool.end();
});

it('two stores that take many keys in opposite orders never deadlock and lose no charge', async () => {
  const { pool, schema } = database;
  const stores = [postgresLimiterStore({ pool, schema }), postgresLimiterStore({ pool, schema })];
  const keys = Array.from({ length: 30 }, (_, i) => `order ${i}`);
  await Promise.all(
    Array.from({ length: 20 }, (_, round) =>
      settled(
        stores[round % 2] as never,
        (round % 2 ? keys : keys.map((_key, at) => keys[keys.length - 1 - at] as string)).map((key) => consume(key)),
      ),
    ),
  );
  const results = await (stores[0] as ReturnType<typeof postgresLimiterStore>).decide(
    keys.map((key) => ({ ...consume(key), ops: [{ kind: 'peek', cost: 1 }] })),
    {},
  );
  for (const result of results) expect(result).toMatchObject({ answers: [{ remaining: 980 }] });
});
