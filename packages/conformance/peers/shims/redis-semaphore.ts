import { Mutex, Semaphore } from 'redis-semaphore';
import type { Redis } from 'ioredis';
import type { LockPeer } from '../lock-peer.js';

type Client = ConstructorParameters<typeof Mutex>[0];
type Mode = 'exclusive' | 'permit';

/** Its `Mutex` for exclusive leases and its `Semaphore` for permits, one attempt each and without its own renewal. */
export function redisSemaphore(redis: Redis): LockPeer {
  const client = redis as unknown as Client;
  const limits = new Map<string, number>();
  const options = (owner: string, ttlMs: number, acquiredExternally: boolean): object => ({
    identifier: owner,
    lockTimeout: ttlMs,
    acquireAttemptsLimit: 1,
    retryInterval: 1,
    refreshInterval: 0,
    ...(acquiredExternally ? { acquiredExternally } : {}),
  });
  const held = (key: string, owner: string, ttlMs: number, mode: Mode): Mutex =>
    mode === 'permit'
      ? new Semaphore(client, key, limits.get(key) ?? 1, options(owner, ttlMs, true))
      : new Mutex(client, key, options(owner, ttlMs, true));
  const holders = async (key: string): Promise<readonly string[]> => {
    const owner = await redis.get(`mutex:${key}`);
    return owner === null ? redis.zrange(`semaphore:${key}`, 0, -1) : [owner];
  };
  return {
    acquire: (key, owner, ttlMs) => new Mutex(client, key, options(owner, ttlMs, false)).tryAcquire(),
    acquirePermit(key, owner, ttlMs, permits) {
      limits.set(key, permits);
      return new Semaphore(client, key, permits, options(owner, ttlMs, false)).tryAcquire();
    },
    // A lock "acquired externally" with a known identifier is taken up by refreshing it.
    extend: (key, owner, ttlMs, mode) => held(key, owner, ttlMs, mode).tryAcquire(),
    async release(key, owner, mode) {
      // Its release resolves to nothing whether or not anything was held, so the shim looks before.
      const was = (await holders(key)).includes(owner);
      await held(key, owner, 1, mode).release();
      return was;
    },
    holders,
    close: async () => void (await redis.quit()),
  };
}
