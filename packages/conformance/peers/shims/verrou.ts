import { Verrou, E_LOCK_NOT_OWNED } from '@verrou/core';
import type { Lock } from '@verrou/core';
import { memoryStore } from '@verrou/core/drivers/memory';
import { redisStore } from '@verrou/core/drivers/redis';
import type { Redis } from 'ioredis';
import type { LockPeer } from '../lock-peer.js';

type Restore = (lock: { key: string; owner: string; ttl: number | null; expirationTime: null }) => Lock;

/** Its memory store shows whether a key is locked and not by whom, so the shim remembers who acquired last. */
export function verrouMemory(): LockPeer {
  const verrou = new Verrou({ default: 'memory', stores: { memory: { driver: memoryStore() } } });
  const latest = new Map<string, string>();
  const peer = peerOf((lock) => verrou.restoreLock(lock), {
    holders: async (key) => ((await verrou.createLock(key).isLocked()) ? [latest.get(key) ?? ''] : []),
    close: async () => {},
  });
  return {
    ...peer,
    async acquire(key, owner, ttlMs) {
      const acquired = await peer.acquire(key, owner, ttlMs);
      if (acquired) latest.set(key, owner);
      return acquired;
    },
  };
}

/** Its Redis store keeps the owner under the key as given. */
export function verrouRedis(client: Redis): LockPeer {
  const verrou = new Verrou({ default: 'redis', stores: { redis: { driver: redisStore({ connection: client }) } } });
  return peerOf((lock) => verrou.restoreLock(lock), {
    holders: async (key) => [await client.get(key)].filter((owner) => owner !== null),
    close: async () => void (await client.quit()),
  });
}

function peerOf(restore: Restore, own: Pick<LockPeer, 'holders' | 'close'>): LockPeer {
  // A lock is restored for its owner in each call, as its documents do to release from another process.
  const lockFor = (key: string, owner: string, ttl: number | null = null): Lock =>
    restore({ key, owner, ttl, expirationTime: null });
  return {
    acquire: (key, owner, ttlMs) => lockFor(key, owner, ttlMs).acquireImmediately(),
    extend: (key, owner, ttlMs) => owned(() => lockFor(key, owner).extend(ttlMs)),
    release: (key, owner) => owned(() => lockFor(key, owner).release()),
    forceRelease: (key) => lockFor(key, '').forceRelease(),
    ...own,
  };
}

async function owned(call: () => Promise<void>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (error instanceof E_LOCK_NOT_OWNED) return false;
    throw error;
  }
}
