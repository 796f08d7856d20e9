import { createLimiter, createLocks, tokenBucket } from '@headgate/core';
import { redisLimiterStore, redisLockStore } from '@headgate/redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { overspent } from './costs.js';
import { callAll, perKey } from './load.js';
import { startRedisMeter } from './redis-meter.js';
import { oneATurn, stepByStep, ungathered } from './unbatched.js';
import type { LimiterStore, LockStore } from '@headgate/core';
import type { Costs } from './costs.js';
import type { RedisMeter } from './redis-meter.js';

/*
 * The costs of the design on Redis, counted and not timed: they come out the same on any machine, loaded or not. A figure that rises
 * is a regression of the design; find out why before you raise its budget.
 */

const load = { callers: 256, rounds: 8 };
const limiterBudget: Costs = { requestsAlone: 1, requestsPerDecision: 0.05, bytesPerDecision: 60, writesPerDenial: 0 };
const lockBudget: Costs = { requestsAlone: 2, requestsPerPair: 0.1, bytesPerPair: 450, writesPerPair: 3 };

let redis: RedisMeter;
let names = 0;

beforeAll(async () => {
  redis = await startRedisMeter();
});
afterAll(() => redis[Symbol.asyncDispose]());

/** 256 callers over 64 keys, 8 calls each; then as many that are all denied. */
async function limiterCosts(wrap: (store: LimiterStore) => LimiterStore): Promise<Costs> {
  const store = redisLimiterStore({ client: redis.client });
  const limits = tokenBucket({ capacity: perKey(load), refillTokens: 1, refillIntervalMs: 3_600_000 });
  const limiter = createLimiter({ name: `guard${names++}`, store: wrap(store), limits, timeoutMs: 60_000 });
  await limiter.peek('connects'); // and loads the script
  const alone = await redis.measure(() => limiter.consume('alone'));
  const admissions = await redis.measure(() => callAll(limiter, load, true));
  const denials = await redis.measure(() => callAll(limiter, load, false));
  await limiter.close();
  await store.close();
  const decisions = load.callers * load.rounds;
  return {
    requestsAlone: alone.requests,
    requestsPerDecision: admissions.requests / decisions,
    bytesPerDecision: admissions.bytes / decisions,
    writesPerDenial: denials.writes / decisions,
  };
}

/** One acquire and release alone, then 256 callers with a key of their own at once. */
async function lockCosts(wrap: (store: LockStore) => LockStore): Promise<Costs> {
  const store = redisLockStore({ client: redis.client });
  const locks = createLocks({ name: `guard${names++}`, store: wrap(store), ttlMs: 60_000, timeoutMs: 60_000 });
  const pair = async (key: string): Promise<void> => {
    const lock = await locks.acquire(key);
    await lock.release();
  };
  await pair('connects'); // and loads the script
  const alone = await redis.measure(() => pair('alone'));
  const many = await redis.measure(() =>
    Promise.all(Array.from({ length: load.callers }, (_, caller) => pair(`file:${caller}`))),
  );
  await locks.close();
  await store.close();
  return {
    requestsAlone: alone.requests,
    requestsPerPair: many.requests / load.callers,
    bytesPerPair: many.bytes / load.callers,
    writesPerPair: many.writes / load.callers,
  };
}

const asItIs = <Store>(store: Store): Store => store;

it('limits: few requests and bytes per decision, and no write for a denial', async () => {
  expect(overspent(await limiterCosts(asItIs), limiterBudget)).toEqual([]);
});

it('locks: two requests for an acquire and a release, and callers share them', async () => {
  expect(overspent(await lockCosts(asItIs), lockBudget)).toEqual([]);
});

it.each([
  ['a store that decides step by step', stepByStep],
  ['core not gathering', ungathered],
])('the guard of limits sees %s', async (_, wrap) => {
  expect(overspent(await limiterCosts(wrap), limiterBudget)).toContainEqual(
    expect.stringContaining('requestsPerDecision'),
  );
});

it('the guard of locks sees calls that share no request', async () => {
  expect(overspent(await lockCosts(oneATurn), lockBudget)).toContainEqual(expect.stringContaining('requestsPerPair'));
});
