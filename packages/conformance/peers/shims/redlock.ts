import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import type { LockPeer } from '../lock-peer.js';

interface Lock {
  readonly value: string;
  release(): Promise<unknown>;
  extend(ttlMs: number): Promise<Lock>;
}

interface Redlock {
  acquire(resources: readonly string[], ttlMs: number): Promise<Lock>;
}

/** What we use of redlock 5, whose own types its `exports` hide. */
const require = createRequire(import.meta.url);
const module = require('redlock') as {
  readonly default: new (clients: readonly Redis[], settings: { readonly retryCount: number }) => Redlock;
  readonly Lock: new (redlock: Redlock, resources: string[], value: string, attempts: [], expiration: number) => Lock;
};

/** Redlock picks its own owner values: the shim keeps the locks it returned, by our owner. They are shared, as if locks were handed on between processes. */
const locks = new Map<string, Lock>();
const owners = new Map<string, string>();

/** Redlock on one server, without retries. */
export function redlock(client: Redis): LockPeer {
  const locker = new module.default([client], { retryCount: 0 });
  // Contention and failure are one `ExecutionError`; where a server answers, as here, it means contention or a lock that is not held.
  const succeeds = (call: Promise<unknown>): Promise<boolean> =>
    call.then(
      () => true,
      (error: unknown) => {
        if ((error as Error).name === 'ExecutionError') return false;
        throw error;
      },
    );
  const keep = (owner: string, lock: Lock): void => {
    locks.set(owner, lock);
    owners.set(lock.value, owner);
  };
  const lockFor = (key: string, owner: string): Lock =>
    locks.get(owner) ?? new module.Lock(locker, [key], owner, [], Number.MAX_SAFE_INTEGER);
  return {
    acquire: (key, owner, ttlMs) => succeeds(locker.acquire([key], ttlMs).then((lock) => keep(owner, lock))),
    extend: (key, owner, ttlMs) =>
      succeeds(
        lockFor(key, owner)
          .extend(ttlMs)
          .then((lock) => keep(owner, lock)),
      ),
    release: (key, owner) => succeeds(lockFor(key, owner).release()),
    holders: async (key) => [await client.get(key)].filter((value) => value !== null).map((v) => owners.get(v) ?? v),
    close: async () => void (await client.quit()),
  };
}
