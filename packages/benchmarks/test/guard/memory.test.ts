import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLimiter, tokenBucket } from '@headgate/core';
import { memoryLimiterStore } from '@headgate/memory';
import { expect, it } from 'vitest';
import { userKeys } from '../../src/loops.js';
import { overspent } from './costs.js';
import type { LimiterStore } from '@headgate/core';
import type { Costs } from './costs.js';

/* The costs of the design in memory, counted and not timed. */

const keys = userKeys(50_000);
const limits = tokenBucket({ capacity: 1, refillTokens: 1, refillIntervalMs: 3_600_000 });
// The benchmark holds 1,000,000 keys to 140 bytes each; over 50,000 what the runtime itself compiles and caches meanwhile adds to that.
const budget: Costs = { storeBatches: 0, timers: 1, bytesPerKey: 200, bytesPerDenial: 4, recordsOfDenied: 0 };

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function bytesInUse(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

/** One unit from each of 50,000 keys, which empties them, then as many denials. `wrap` is what the limiter sees of the store. */
async function costs(wrap: (store: LimiterStore) => LimiterStore): Promise<Costs> {
  const store = memoryLimiterStore();
  let storeBatches = 0;
  const counted = {
    name: store.name,
    clock: store.clock,
    capabilities: store.capabilities,
    decide: (...args: Parameters<typeof store.decide>) => {
      storeBatches++;
      return store.decide(...args);
    },
    decideNow: store.decideNow.bind(store),
    decideNowFor: store.decideNowFor.bind(store),
    close: () => store.close(),
  } satisfies LimiterStore;
  const limiter = createLimiter({ name: 'guard', store: wrap(counted), limits });
  const ask = async (): Promise<number> => {
    let allowed = 0;
    for (const key of keys) if ((await limiter.consume(key)).allowed) allowed++;
    return allowed;
  };
  const before = { bytes: bytesInUse(), timers: timers() };
  const admitted = await ask();
  const full = { bytes: bytesInUse(), timers: timers(), size: store.size };
  const denied = keys.length - (await ask());
  const after = { bytes: bytesInUse(), size: store.size };
  expect([admitted, denied]).toEqual([keys.length, keys.length]);
  await limiter.close();
  await store.close();
  return {
    storeBatches,
    timers: full.timers - before.timers,
    bytesPerKey: (full.bytes - before.bytes) / keys.length,
    bytesPerDenial: (after.bytes - full.bytes) / keys.length,
    recordsOfDenied: after.size - full.size,
  };
}

it('decides in place, with one timer for all keys, and keeps nothing of a denial', async () => {
  expect(overspent(await costs((store) => store), budget)).toEqual([]);
});

it('the guard sees decisions that take the detour of a batch and a promise', async () => {
  const detour = ({ name, clock, capabilities, decide, close }: LimiterStore): LimiterStore => {
    return { name, clock, capabilities, decide, close };
  };
  expect(overspent(await costs(detour), budget)).toContainEqual(expect.stringContaining('storeBatches'));
});
