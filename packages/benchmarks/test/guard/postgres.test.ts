import { createLimiter, tokenBucket } from '@headgate/core';
import { migrate, postgresLimiterStore } from '@headgate/postgres';
import { startPostgres } from '@headgate/test-servers';
import { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { overspent } from './costs.js';
import { callAll, perKey } from './load.js';
import { stepByStep, ungathered } from './unbatched.js';
import type { LimiterStore } from '@headgate/core';
import type { PoolQuery } from '@headgate/postgres';
import type { TestServer } from '@headgate/test-servers';
import type { Costs } from './costs.js';

/* The costs of the design on PostgreSQL, counted and not timed: statements by the pool, what was written by the server's log position. */

const load = { callers: 256, rounds: 4 };
const budget: Costs = { statementsAlone: 1, statementsPerDecision: 0.05, logBytesPerDenial: 4 };

let server: TestServer;
let pool: Pool;
let names = 0;

beforeAll(async () => {
  // Nothing but us shall write: no clean-up of tables, no checkpoint within the run.
  server = await startPostgres({ fsync: false, settings: { autovacuum: 'off', checkpoint_timeout: '1h' } });
  pool = new Pool({ connectionString: server.url, max: 4 });
  await migrate({ pool });
});
afterAll(async () => {
  await pool.end();
  await server.stop();
});

async function logPosition(): Promise<number> {
  const { rows } = await pool.query<{ at: string }>("SELECT pg_current_wal_insert_lsn() - '0/0' AS at");
  return Number(rows[0]?.at);
}

/** 256 callers over 64 keys, 4 calls each; then as many that are all denied. */
async function costs(wrap: (store: LimiterStore) => LimiterStore): Promise<Costs> {
  let statements = 0;
  const counted = {
    query: (query: PoolQuery) => {
      statements++;
      return pool.query(query);
    },
  };
  const store = postgresLimiterStore({ pool: counted });
  const limits = tokenBucket({ capacity: perKey(load), refillTokens: 1, refillIntervalMs: 3_600_000 });
  const limiter = createLimiter({ name: `guard${names++}`, store: wrap(store), limits, timeoutMs: 60_000 });
  const before = statements;
  await limiter.consume('alone');
  const alone = statements - before;
  await callAll(limiter, load, true);
  const admitted = statements - before - alone;
  const at = await logPosition();
  await callAll(limiter, load, false);
  const written = (await logPosition()) - at;
  await limiter.close();
  await store.close();
  const decisions = load.callers * load.rounds;
  return {
    statementsAlone: alone,
    statementsPerDecision: admitted / decisions,
    logBytesPerDenial: written / decisions,
  };
}

it('few statements per decision, and nothing written for a denial', async () => {
  expect(overspent(await costs((store) => store), budget)).toEqual([]);
});

it.each([
  ['a store that decides step by step', stepByStep],
  ['core not gathering', ungathered],
])('the guard sees %s', async (_, wrap) => {
  expect(overspent(await costs(wrap), budget)).toContainEqual(expect.stringContaining('statementsPerDecision'));
});
