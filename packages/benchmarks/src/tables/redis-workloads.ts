import { concurrently, medianTime } from '../concurrent.js';
import { keyOf, plenty, url } from './given.js';
import * as contestants from './redis-contestants.js';
import { headgateLimiter, headgateLocks, scriptCalls } from './redis-headgate.js';
import type { Contestant, Row, Runner, Workload } from '../table.js';

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

/** A lone caller beside two floors. Rounds are short and many because the machine's time to wake a process changes within seconds. */
export const oneCaller: Workload = {
  id: 'one',
  title: 'one caller',
  unit: 'µs, p50',
  rounds: { count: 45, ms: 150 },
  contestants: {
    async headgate(env) {
      const { limiter, close } = headgateLimiter(url(env), plenty);
      return { ...medianTime((n) => limiter.consume(keyOf(n))), close };
    },
    async 'bare EVALSHA'(env) {
      const { call, close } = contestants.bareScript(url(env));
      return { ...medianTime((n) => call(keyOf(n))), close };
    },
    async 'least exact script'(env) {
      const { call, close } = contestants.leastLimiter(url(env));
      return { ...medianTime((n) => call(keyOf(n))), close };
    },
  },
};

/** What a lone caller's time is measured against besides the figure that has a must. */
export const oneCallerFloors: readonly Row[] = [
  {
    title: 'the same of the least script that decides exactly, sent by hand',
    unit: 'x',
    value: ({ ratio }) => ratio(['one', 'least exact script'], ['one', 'bare EVALSHA']),
  },
  {
    title: 'one caller, p50, to that script',
    unit: 'x',
    value: ({ ratio }) => ratio(['one', 'headgate'], ['one', 'least exact script']),
  },
];

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
