import { Verrou } from '@verrou/core';
import { redisStore } from '@verrou/core/drivers/redis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { Mutex } from 'redis-semaphore';
import Redlock from 'redlock';
import { connectRedis } from '../redis-connection.js';
import { leastScript } from './least-script.js';
import type { Closable } from './redis-headgate.js';

const hourMs = 3_600_000;

/** rate-limiter-flexible over Redis: a fixed window per key. */
export function rateLimiterFlexible(
  url: string,
  points: number,
): Closable & { consume(key: string): Promise<unknown> } {
  const client = connectRedis(url);
  const limiter = new RateLimiterRedis({ storeClient: client, points, duration: hourMs / 1000 });
  return { consume: (key) => limiter.consume(key), close: async () => client.disconnect() };
}

/** The floor: EVALSHA of a script that does nothing with one key. */
export function bareScript(url: string): Closable & { call(key: string): Promise<unknown> } {
  const client = connectRedis(url);
  client.defineCommand('bare', { numberOfKeys: 1, lua: 'return 1' });
  const { bare } = client as unknown as { bare(this: typeof client, key: string): Promise<unknown> };
  return { call: (key) => bare.call(client, key), close: async () => client.disconnect() };
}

/** The floor of a limiter: EVALSHA of the least script that decides exactly, its reply left unread. */
export function leastLimiter(url: string): Closable & { call(key: string): Promise<unknown> } {
  const client = connectRedis(url);
  client.defineCommand('least', { numberOfKeys: 1, lua: leastScript });
  const { leastBuffer } = client as unknown as { leastBuffer(this: typeof client, key: string): Promise<unknown> };
  return { call: (key) => leastBuffer.call(client, `least:${key}`), close: async () => client.disconnect() };
}

/** Takes a lock and resolves to how it is released. */
export type TakeKey = (key: string) => Promise<() => Promise<unknown>>;

/** redlock on one server, without retries. */
export function redlock(url: string): Closable & { take: TakeKey } {
  const client = connectRedis(url);
  const manager = new Redlock([client], { retryCount: 0 });
  return {
    take: async (key) => {
      const lock = await manager.acquire([key], 10_000);
      return () => lock.release();
    },
    close: async () => client.disconnect(),
  };
}

/** redis-semaphore's mutex, without its refresh timer. */
export function redisSemaphore(url: string): Closable & { take: TakeKey } {
  const client = connectRedis(url);
  return {
    take: async (key) => {
      const mutex = new Mutex(client as never, key, { lockTimeout: 10_000, refreshInterval: 0 });
      await mutex.acquire();
      return () => mutex.release();
    },
    close: async () => client.disconnect(),
  };
}

/** @verrou/core over Redis. */
export function verrou(url: string): Closable & { take: TakeKey } {
  const client = connectRedis(url);
  const manager = new Verrou({
    default: 'redis',
    stores: { redis: { driver: redisStore({ connection: client as never }) } },
  });
  return {
    take: async (key) => {
      const lock = manager.createLock(key, 10_000);
      await lock.acquire();
      return () => lock.release();
    },
    close: async () => client.disconnect(),
  };
}
