import { concurrently, medianTime } from '../concurrent.js';
import { keyOf, plenty, url } from './given.js';
import * as contestants from './redis-contestants.js';
import { headgateLimiter, headgateLocks, scriptCalls } from './redis-headgate.js';
import type { Contestant, Runner, Workload } from '../table.js';

/** The same callers for both limiters; Headgate's rounds also tell its script calls per decision. */
export function limiterWorkload(id: string, title: string, callers: number, key: (n: number) => string): Workload {
  return {
    id,
    title,
    unit: 'decisions/s',
    rounds: { count: 7, ms: 1_000 },
    contestants: {
      async headgate(env) {
        const { limiter, client, close } = headgateLimiter(url(env), plenty);
        const { round } = concurrently(callers, (n) => limiter.consume(key(n)));
        return {
          async round(ms) {
            const before = await scriptCalls(client);
            const { value } = await round(ms);
            const requests = (await scriptCalls(client)) - before;
            return { value, details: { requests: requests / ((value * ms) / 1000) } };
          },
          close,
        };
      },
      async 'rate-limiter-flexible'(env) {
        const { consume, close } = contestants.rateLimiterFlexible(url(env), plenty * 100);
        return { ...concurrently(callers, (n) => consume(key(n))), close };
      },
    },
  };
}

/** A lone caller beside the floor. */
export const oneCaller: Workload = {
  id: 'one',
  title: 'one caller',
  unit: 'µs, p50',
  rounds: { count: 9, ms: 700 },
  contestants: {
    async headgate(env) {
      const { limiter, close } = headgateLimiter(url(env), plenty);
      return { ...medianTime((n) => limiter.consume(keyOf(n))), close };
    },
    async 'bare EVALSHA'(env) {
      const { call, close } = contestants.bareScript(url(env));
      return { ...medianTime((n) => call(keyOf(n))), close };
    },
  },
};

/** How each library of locks is set up. */
const lockLibraries: Readonly<Record<string, Contestant>> = {
  redlock: (env) => uncontended(contestants.redlock(url(env))),
  'redis-semaphore': (env) => uncontended(contestants.redisSemaphore(url(env))),
  '@verrou/core': (env) => uncontended(contestants.verrou(url(env))),
};

/** Acquire and release of keys of their own by 64 callers, beside these peers. */
export function lockWorkload(peers: readonly string[]): Workload {
  return {
    id: 'locks',
    title: 'acquire and release, 64 callers',
    unit: 'pairs/s',
    rounds: { count: 7, ms: 750 },
    contestants: {
      async headgate(env) {
        const { locks, close } = headgateLocks(url(env));
        const take = async (key: string): Promise<() => Promise<unknown>> => {
          const lock = await locks.acquire(key);
          return () => lock.release();
        };
        return uncontended({ take, close });
      },
      ...Object.fromEntries(peers.map((peer) => [peer, lockLibraries[peer] as Contestant])),
    },
  };
}

async function uncontended({ take, close }: { take: contestants.TakeKey; close(): Promise<void> }): Promise<Runner> {
  const { round } = concurrently(64, async (n) => {
    const release = await take(`lock:${n}`);
    await release();
  });
  return { round, close };
}
