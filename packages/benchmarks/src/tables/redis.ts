import { startRedis } from '@headgate/test-servers';
import { Mutex } from 'async-mutex';
import { concurrently } from '../concurrent.js';
import { contenderProcesses, contenders } from '../contenders.js';
import { startProcesses } from '../process-group.js';
import { keyOf, keys, url } from './given.js';
import { headgateLimiter, headgateLocks, scriptCalls } from './redis-headgate.js';
import { limiterWorkload, lockWorkload, oneCaller, oneCallerFloors } from './redis-workloads.js';
import { evenly, toFlexible } from './rows.js';
import type { Runner, Table } from '../table.js';

const program = new URL('../redis-contender.js', import.meta.url);

/** Contenders for one key, `counts` in each process. */
const processes = (address: string, counts: readonly number[]): Promise<Runner> =>
  contenderProcesses(
    program,
    counts.map((count) => [address, String(count)]),
  );

/** The requests a second of waiters that never get the lock, and of its holder, who renews it; `counts` waiters in each process. */
async function waiting(address: string, counts: readonly number[]): Promise<Runner> {
  const { locks, client, close } = headgateLocks(address);
  await locks.acquire('held');
  const waiters = await startProcesses(
    program,
    counts.map((count) => [address, String(count), 'waiting']),
  );
  return {
    async round(ms) {
      const before = await scriptCalls(client);
      const began = performance.now();
      await waiters.work(ms);
      return { value: (((await scriptCalls(client)) - before) / (performance.now() - began)) * 1000 };
    },
    close: async () => {
      await waiters.close();
      await close();
    },
  };
}

/** Limits and locks over one Redis server. */
export const redis: Table = {
  name: 'redis',
  title: 'Redis',
  about:
    'One Redis server on 127.0.0.1, ioredis 5 for all. Headgate decides an exact token bucket, rate-limiter-flexible counts in fixed windows. Callers await each decision. ' +
    'Locks: acquire and release of keys of their own by 64 callers; then 16 contenders on one key with 1 ms of work, in 4 processes, against async-mutex with all 16 in one process.',
  packages: [
    '@headgate/redis',
    'rate-limiter-flexible',
    'redlock',
    'redis-semaphore',
    '@verrou/core',
    'async-mutex',
    'ioredis',
  ],
  async setup() {
    const server = await startRedis();
    return { env: { url: server.url }, stop: () => server.stop() };
  },
  workloads: [
    limiterWorkload('keys-256', '10,000 keys, 256 callers', 256, keyOf),
    limiterWorkload('keys-2048', '10,000 keys, 2,048 callers', 2_048, keyOf),
    limiterWorkload('hot', 'one hot key, 256 callers', 256, () => 'hot'),
    oneCaller,
    {
      id: 'denials',
      title: 'denials with the deny cache',
      unit: 'decisions/s',
      contestants: {
        async headgate(env) {
          const { limiter, close } = headgateLimiter(url(env), 1, true);
          const few = keys.slice(0, 100);
          for (const key of few) await limiter.consume(key);
          return { ...concurrently(64, (n) => limiter.consume(few[n % few.length] as string)), close };
        },
      },
    },
    lockWorkload(['redlock', 'redis-semaphore', '@verrou/core']),
    {
      id: 'contended',
      title: '16 contenders, 1 ms of work',
      unit: 'hand-offs/s',
      rounds: { count: 5, ms: 2_000 },
      contestants: {
        'headgate, 4 processes of 4': (env) => processes(url(env), [4, 4, 4, 4]),
        'headgate, 13/1/1/1': (env) => processes(url(env), [13, 1, 1, 1]),
        async 'async-mutex, one process'() {
          const mutex = new Mutex();
          return contenders(16, () => mutex.acquire());
        },
      },
    },
    {
      id: 'waiting',
      title: '100 waiters in 4 processes on a held lock',
      unit: 'requests/s',
      rounds: { count: 3, ms: 5_000 },
      contestants: { headgate: (env) => waiting(url(env), [25, 25, 25, 25]) },
    },
  ],
  rows: [
    toFlexible('10,000 keys, 256 callers', 'keys-256', { must: 2.5, goal: 3.5 }),
    toFlexible('10,000 keys, 2,048 callers', 'keys-2048', { must: 3.5, goal: 5 }),
    toFlexible('one hot key, 256 callers', 'hot', { must: 5, goal: 8 }),
    {
      title: 'one caller, p50, to a bare EVALSHA',
      unit: 'x',
      must: { atMost: 1.15 },
      value: ({ ratio }) => ratio(['one', 'headgate'], ['one', 'bare EVALSHA']),
    },
    ...oneCallerFloors,
    {
      title: 'client requests per decision at 256 callers',
      unit: '',
      must: { atMost: 0.05 },
      value: ({ median }) => median('keys-256', 'headgate', 'requests'),
    },
    {
      title: 'denials with the deny cache',
      unit: '/s',
      must: { atLeast: 1_500_000 },
      value: ({ median }) => median('denials', 'headgate'),
    },
    {
      title: 'acquire and release, 64 callers, to the best peer',
      unit: 'x',
      must: { atLeast: 1 },
      value: ({ best, ratio }) => {
        const against = best('locks', ['redlock', 'redis-semaphore', '@verrou/core']);
        return { value: ratio(['locks', 'headgate'], ['locks', against]), against };
      },
    },
    {
      title: 'hand-offs between 4 processes, to async-mutex in one',
      unit: 'x',
      must: { atLeast: 0.6 },
      goal: { atLeast: 0.8 },
      value: ({ ratio }) =>
        ratio(['contended', 'headgate, 4 processes of 4'], ['contended', 'async-mutex, one process']),
    },
    {
      title: 'requests a second of 100 waiters in 4 processes',
      unit: '/s',
      must: { atMost: 10 },
      value: ({ median }) => median('waiting', 'headgate'),
    },
    evenly('4 processes of 4'),
    evenly('13/1/1/1'),
  ],
};
