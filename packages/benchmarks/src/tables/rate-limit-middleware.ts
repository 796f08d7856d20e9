import { Redis } from 'ioredis';
import { RedisStore } from 'rate-limit-redis';
import type { Closable } from './redis-headgate.js';

const hourMs = 3_600_000;

/** rate-limit-redis, the store of express-rate-limit over Redis: counts hits in fixed windows; the middleware compares. */
export function rateLimitRedis(url: string): Closable & { consume(key: string): Promise<unknown> } {
  const client = new Redis(url);
  const store = new RedisStore({
    sendCommand: (command, ...args) => client.call(command, ...args) as Promise<number>,
  });
  const ready = store.init({ windowMs: hourMs } as Parameters<RedisStore['init']>[0]);
  return {
    consume: async (key) => {
      await ready;
      return store.increment(key);
    },
    close: async () => client.disconnect(),
  };
}
