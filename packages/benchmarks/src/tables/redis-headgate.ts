import { createLimiter, createLocks, tokenBucket } from '@headgate/core';
import { redisLimiterStore, redisLockStore } from '@headgate/redis';
import { Cluster } from 'ioredis';
import { connectRedis } from '../redis-connection.js';
import type { Limiter, Locks } from '@headgate/core';
import type { Redis } from 'ioredis';

const hourMs = 3_600_000;

/** Something with a connection to end. */
export interface Closable {
  close(): Promise<void>;
}

/** A Headgate limiter over Redis: an exact token bucket that is never empty in a run. */
export function headgateLimiter(
  url: string,
  capacity: number,
  denyCache = false,
): Closable & { limiter: Limiter; client: Redis | Cluster } {
  const client = connectRedis(url);
  const store = redisLimiterStore({ client });
  const limits = tokenBucket({ capacity, refillTokens: 1, refillIntervalMs: hourMs });
  const limiter = createLimiter({ name: 'bench', store, limits, ...(denyCache ? { denyCache: {} } : {}) });
  return {
    limiter,
    client,
    close: async () => {
      await limiter.close();
      await store.close();
      client.disconnect();
    },
  };
}

/** Headgate locks over Redis. */
export function headgateLocks(url: string): Closable & { locks: Locks; client: Redis | Cluster } {
  const client = connectRedis(url);
  const store = redisLockStore({ client });
  const locks = createLocks({ name: 'bench', store, ttlMs: 10_000 });
  return {
    locks,
    client,
    close: async () => {
      await locks.close();
      await store.close();
      client.disconnect();
    },
  };
}

/** Script calls that the server, or all masters of a cluster, have run so far. */
export async function scriptCalls(client: Redis | Cluster): Promise<number> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  const calls = nodes.map(async (node) => {
    const stats = await node.info('commandstats');
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  });
  return (await Promise.all(calls)).reduce((sum, n) => sum + n, 0);
}
