import { createLimiter, tokenBucket } from '@headgate/core';
import { memoryLimiterStore } from '@headgate/memory';
import { redisLimiterStore } from '@headgate/redis';
import { Redis } from 'ioredis';
import { concurrently } from '../concurrent.js';
import { asyncLoop, userKeys } from '../loops.js';
import { startProcesses } from '../process-group.js';
import { keyOf, keys, plenty, url } from './given.js';
import { headgateLimiter, headgateLocks } from './redis-headgate.js';
import type { Limit, Locks } from '@headgate/core';
import type { Contestant, Runner } from '../table.js';

const hourMs = 3_600_000;
/** What a runner counts a second, as the microseconds that one takes. */
function timeOfOne({ round, ...runner }: Runner): Runner {
  return {
    ...runner,
    round: async (ms) => {
      const { value, ...sample } = await round(ms);
      return { ...sample, value: 1e6 / value };
    },
  };
}

/** So many limits, all of which must admit. */
function policyOf(count: number): Limit[] {
  return Array.from({ length: count }, (_, i) =>
    tokenBucket({ name: `limit${i}`, capacity: plenty, refillTokens: 1, refillIntervalMs: hourMs }),
  );
}

/** Limits in memory over `count` keys that all have a record. */
export function keysInMemory(count: number): Contestant {
  return async () => {
    const limiter = createLimiter({ name: 'bench', store: memoryLimiterStore(), limits: policyOf(1) });
    const counted = userKeys(count);
    for (const key of counted) limiter.consumeSync(key);
    return timeOfOne(asyncLoop(counted, (key) => limiter.consume(key)));
  };
}

/** A policy of `count` limits in memory. */
export function limitsInMemory(count: number): Contestant {
  return async () => {
    const limiter = createLimiter({ name: 'bench', store: memoryLimiterStore(), limits: policyOf(count) });
    return timeOfOne(asyncLoop(keys, (key) => limiter.consume(key)));
  };
}

/** A policy of `count` limits over Redis, 256 callers. */
export function limitsInRedis(count: number): Contestant {
  return async (env) => {
    const client = new Redis(url(env));
    const store = redisLimiterStore({ client });
    const limiter = createLimiter({ name: `bench${count}`, store, limits: policyOf(count) });
    return timeOfOne({
      ...concurrently(256, (n) => limiter.consume(keyOf(n))),
      async close() {
        await limiter.close();
        await store.close();
        client.disconnect();
      },
    });
  };
}

/** `count` callers at once over Redis. */
export function callers(count: number): Contestant {
  return async (env) => {
    const { limiter, close } = headgateLimiter(url(env), plenty);
    return timeOfOne({ ...concurrently(count, (n) => limiter.consume(keyOf(n))), close });
  };
}

/** `count` processes of 64 callers over one Redis; the time per decision of all together. */
export function processes(count: number): Contestant {
  return async (env) => {
    const { work, close } = await startProcesses<{ readonly perSecond: number }>(
      new URL('../decider-process.js', import.meta.url),
      Array.from({ length: count }, () => [url(env), '64']),
    );
    return timeOfOne({
      async round(ms) {
        const replies = await work(ms);
        return { value: replies.reduce((sum, { perSecond }) => sum + perSecond, 0) };
      },
      close,
    });
  };
}

/** 16 callers that acquire and release keys of their own, while `count` other locks are held and renewed. */
export function locksHeld(count: number): Contestant {
  return async (env) => {
    const { locks, close } = headgateLocks(url(env));
    const batch = 500; // so that filling is no burst that the store has to queue
    for (let from = 0; from < count; from += batch) {
      const size = Math.min(batch, count - from);
      await Promise.all(Array.from({ length: size }, (_, i) => locks.acquire(`held${count}:${from + i}`)));
    }
    return timeOfOne({
      ...concurrently(16, async (n) => {
        const lock = await locks.acquire(`held${count}:free:${n % 1000}`);
        await lock.release();
      }),
      close,
    });
  };
}

/**
 * `count` contenders for one key with no work while they hold it, spread over `managers`, each with connections of its own, so that they meet in Redis
 * as so many processes would; the time per hand-off.
 */
export function waiters(count: number, managers: number): Contestant {
  return async (env) => {
    const opened = Array.from({ length: managers }, () => headgateLocks(url(env)));
    const key = `one${managers}:${count}`;
    return timeOfOne({
      async round(ms) {
        const began = performance.now();
        let turns = 0;
        const contend = async ({ locks }: { readonly locks: Locks }): Promise<void> => {
          while (performance.now() - began < ms) {
            const lock = await locks.acquire(key, { waitMs: 60_000 });
            turns++;
            await lock.release();
          }
        };
        await Promise.all(Array.from({ length: count }, (_, i) => contend(opened[i % managers] as (typeof opened)[0])));
        return { value: (turns / (performance.now() - began)) * 1000 };
      },
      close: async () => void (await Promise.all(opened.map(({ close }) => close()))),
    });
  };
}
