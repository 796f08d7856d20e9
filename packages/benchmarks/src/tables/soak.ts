import { createLocks } from '@headgate/core';
import { memoryLockStore } from '@headgate/memory';
import { startRedis } from '@headgate/test-servers';
import { bytesInUse, bytesPerKey } from '../bytes.js';
import { userKeys } from '../loops.js';
import { soak as soakRunner } from '../soak.js';
import { url } from './given.js';
import { headgate } from './memory-contestants.js';
import { headgateLimiter, headgateLocks } from './redis-headgate.js';
import type { Runner, Table } from '../table.js';

const manyKeys = 1_000_000;
const redisKeys = 100_000;
const heldLocks = 10_000;
const atATime = 500;
const once = { count: 1, ms: 0 };

/** The bytes that `look` sees more of for each of `count` keys once `use` was called with all of them, having been called once before. What it resolves to is kept. */
function bytesPer(count: number, use: (key: string) => Promise<unknown>, look: () => number | Promise<number>): Runner {
  return {
    async round() {
      const keys = userKeys(count);
      const kept: unknown[] = Array.from({ length: count });
      await use('first');
      const before = await look();
      for (let from = 0; from < count; from += atATime) {
        const some = keys.slice(from, from + atATime);
        const results = await Promise.all(some.map(use));
        results.forEach((result, i) => (kept[from + i] = result));
      }
      const after = await look();
      if (kept.length !== count || keys.length !== count) throw new Error('Something was dropped');
      return { value: (after - before) / count };
    },
  };
}

/** A Redis server's memory in use. */
async function usedMemory(client: { info(section: string): Promise<string> }): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
}

/** What keys and locks weigh, and whether memory stays level. */
export const soak: Table = {
  name: 'soak',
  title: 'Memory over time',
  about:
    'Bytes: what is in use more for each key or held lock. A process is looked at after collection (heap and array buffers, key strings aside; a lock object that its holder keeps is included); ' +
    "a Redis server is asked for its used memory. Soak: 1,000,000 distinct keys in this process's memory again and again (`--minutes`, 5 by default, half a one within `all`), half of which keep their records " +
    'while half turn fresh and are swept after every pass, with denials, refunds and locks among them. Its value is the trend of the memory in use after collection, first pass to last by least ' +
    'squares, in percent of the mean.',
  packages: ['@headgate/core', '@headgate/memory', '@headgate/redis', 'ioredis'],
  async setup() {
    const server = await startRedis();
    return { env: { url: server.url }, stop: () => server.stop() };
  },
  workloads: [
    {
      id: 'keys',
      title: 'a limiter key',
      unit: 'bytes',
      rounds: once,
      contestants: {
        async memory() {
          const limiter = headgate(10);
          return bytesPerKey(manyKeys, (key) => limiter.consumeSync(key));
        },
        async 'redis server'(env) {
          const { limiter, client, close } = headgateLimiter(url(env), 10);
          const runner = bytesPer(
            redisKeys,
            async (key) => void (await limiter.consume(key)),
            () => usedMemory(client),
          );
          return { ...runner, close };
        },
      },
    },
    {
      id: 'locks',
      title: 'a held lock',
      unit: 'bytes',
      rounds: once,
      contestants: {
        async memory() {
          const locks = createLocks({ name: 'bench', store: memoryLockStore(), ttlMs: 600_000 });
          return bytesPer(heldLocks, (key) => locks.acquire(key), bytesInUse);
        },
        async 'redis client'(env) {
          const { locks, close } = headgateLocks(url(env));
          return { ...bytesPer(heldLocks, (key) => locks.acquire(key), bytesInUse), close };
        },
        async 'redis server'(env) {
          const { locks, close } = headgateLocks(url(env));
          const { client, close: closeClient } = headgateLimiter(url(env), 10);
          const runner = bytesPer(
            heldLocks,
            (key) => locks.acquire(`server:${key}`),
            () => usedMemory(client),
          );
          return { ...runner, close: async () => void (await Promise.all([close(), closeClient()])) };
        },
      },
    },
    {
      id: 'soak',
      title: 'soak, 1,000,000 keys',
      unit: '% trend',
      rounds: { count: 1, ms: 5 * 60_000 },
      lastsMinutes: true,
      contestants: { headgate: async () => soakRunner(manyKeys) },
    },
  ],
  rows: [
    {
      title: 'bytes per key in memory, 1,000,000 keys',
      unit: 'bytes',
      must: { atMost: 140 },
      goal: { atMost: 100 },
      value: ({ median }) => median('keys', 'memory'),
    },
    {
      title: 'bytes per held lock in memory, 10,000 locks',
      unit: 'bytes',
      value: ({ median }) => median('locks', 'memory'),
    },
    {
      title: 'memory after collection, first pass to last',
      unit: '%',
      must: { atMost: 1 },
      value: ({ median }) => median('soak', 'headgate'),
    },
  ],
};
