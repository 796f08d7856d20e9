import assert from 'node:assert/strict';
import { AcquireTimeoutError, joinKey, LockLostError, StoreError } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { sleep } from '../../suite/deadline.js';
import { extend, type Held, heldBy, release, request, take } from '../leases.js';
import { type LockTest, machineMarginMs, managerName } from '../lock-test.js';
import { until } from '../until.js';
import type { LockProperty } from './claim.js';

const isStoreError = (error: unknown): boolean =>
  error instanceof StoreError && !(error instanceof AcquireTimeoutError);

/** How long a store may take to come back by itself after a fault is over, milliseconds. */
const recoveryMs = 10_000;

// Calls until the store answers again: it may need a moment to connect anew.
async function recovered<T>(call: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + recoveryMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreError) || performance.now() > deadlineMs) throw error;
      await sleep(50);
    }
  }
}

// Makes a call whose reply is lost. It may fail, as a store error, or be repeated by the store and succeed.
async function withLostReply<T>({ faults }: LockTest, call: () => Promise<T>): Promise<T | undefined> {
  assert.ok(faults.dropReply);
  const { lost } = await faults.dropReply();
  let value: T | undefined;
  try {
    value = await call();
  } catch (error) {
    assert.ok(isStoreError(error), `a lost reply is a StoreError, got ${String(error)}`);
  }
  await lost;
  await faults.heal?.();
  return value;
}

/** The server goes away, or the way to it. */
export const faultProperties: readonly LockProperty[] = [
  {
    id: 'faults/acquire-after-a-lost-reply',
    title: 'an acquire whose reply was lost is repeated with success: one lease, with the stored token',
    faults: ['dropReply', 'heal'],
    timeoutMs: 40_000,
    async run(test) {
      const asked = request(randomKey(), { tokens: 2 });
      await recovered(() => test.store.inspect(asked.key));
      const first = await withLostReply(test, () => test.store.acquire(asked));
      const held = heldBy(asked, await recovered(() => test.store.acquire(asked)));
      if (first?.acquired) assert.equal(first.fencingToken, held.fencingToken);
      assert.equal((await recovered(() => test.store.inspect(asked.key)))?.holders.length, 1);
      assert.equal((await release(test.store, held)).released, true);
    },
  },
  {
    id: 'faults/extension-after-a-lost-reply',
    title:
      'an extension whose reply was lost is repeated with success, or tells that the lease went with its connection',
    faults: ['dropReply', 'heal'],
    timeoutMs: 40_000,
    async run(test) {
      const held = await take(test.store, randomKey());
      await withLostReply(test, () => extend(test.store, held, 30_000));
      const again = await recovered(() => extend(test.store, held, 30_000));
      if (again.extended) return;
      // Where a lease lives by its connection, a lost reply is a lost lease: said so, never made anew, and the key is free at a higher token.
      assert.equal(again.reason, 'connection');
      // The server sees the end of the connection when it does.
      await until(async () => (await test.store.inspect(held.key)) === null, { what: `${held.key} to be free` });
      const next = await take(test.store, held.key);
      assert.ok(next.fencingToken > held.fencingToken, `${next.fencingToken} after ${held.fencingToken}`);
    },
  },
  {
    id: 'faults/release-after-a-lost-reply',
    title: 'a release whose reply was lost and which is repeated leaves the key free and the next holder alone',
    faults: ['dropReply', 'heal'],
    timeoutMs: 40_000,
    async run(test) {
      const held = await take(test.store, randomKey());
      await withLostReply(test, () => release(test.store, held));
      const next: Held = await recovered(() => take(test.store, held.key));
      // A client of several servers may lose its way once more while it comes back.
      assert.equal((await recovered(() => release(test.store, held))).released, false);
      assert.equal((await recovered(() => test.store.inspect(held.key)))?.holders[0]?.leaseId, next.leaseId);
    },
  },
  {
    id: 'faults/lost-grant-is-cleaned-up',
    title: 'an acquire that failed because its reply was lost leaves no lock behind once the store answers again',
    faults: ['dropReply', 'heal'],
    timeoutMs: 60_000,
    async run(test) {
      const key = randomKey();
      const ttlMs = 2_000;
      const locks = test.manager({ timeoutMs: 500 });
      await recovered(() => locks.inspect(key));
      const lock = await withLostReply(test, () => locks.acquire(key, { waitMs: 0, ttlMs }));
      if (lock) {
        lock.assertHeld();
        await lock.release();
      }
      const free = async (): Promise<boolean> =>
        (await recovered(() => test.store.inspect(joinKey(managerName, key)))) === null;
      const timeoutMs = ttlMs + test.store.capabilities.expirySlackMs(ttlMs) + 1_000;
      await until(free, { timeoutMs, what: 'the orphaned lease to go' });
    },
  },
  {
    id: 'faults/silence-is-noticed',
    title:
      'while the server is silent an acquire fails with a StoreError in its time, and a held lock’s signal aborts by its deadline',
    faults: ['blackhole', 'heal'],
    timeoutMs: 60_000,
    async run(test) {
      const ttlMs = 1_500;
      const timeoutMs = 400;
      const locks = test.manager({ ttlMs, timeoutMs });
      // So short a time limit may pass while the store connects.
      const lock = await recovered(() => locks.acquire(randomKey()));
      await test.faults.blackhole?.();
      const silentMs = test.runMs();
      try {
        await assert.rejects(locks.tryAcquire(randomKey()), isStoreError);
        const tookMs = test.runMs() - silentMs;
        assert.ok(tookMs <= timeoutMs + machineMarginMs, `the attempt failed after ${tookMs} ms`);
        // Renewed at the latest just before the silence began.
        await until(() => lock.signal.aborted, { timeoutMs: ttlMs + machineMarginMs, what: 'the deadline' });
        assert.ok(lock.signal.reason instanceof LockLostError);
        assert.ok(!lock.held);
      } finally {
        await test.faults.heal?.();
      }
      await (await recovered(() => locks.acquire(randomKey()))).release();
    },
  },
  {
    id: 'faults/frozen-server-is-noticed',
    title: 'while the server is frozen a waiter ends in its time, and all goes on when it is back',
    faults: ['pause', 'resume'],
    timeoutMs: 60_000,
    async run(test) {
      const locks = test.manager({ timeoutMs: 400 });
      await recovered(async () => (await locks.acquire(randomKey())).release());
      await test.faults.pause?.();
      try {
        const startedMs = test.runMs();
        await assert.rejects(locks.acquire(randomKey(), { waitMs: 1_000 }), isStoreError);
        const tookMs = test.runMs() - startedMs;
        assert.ok(tookMs <= 1_000 + 400 + machineMarginMs, `the wait of 1,000 ms ended after ${tookMs} ms`);
      } finally {
        await test.faults.resume?.();
      }
      await (await recovered(() => locks.acquire(randomKey()))).release();
    },
  },
  {
    id: 'faults/cut-connections-are-survived',
    title:
      'when every connection is cut a holder keeps its lock or is told in time, and a waiter gets the key after it',
    faults: ['dropConnections'],
    timeoutMs: 60_000,
    async run(test) {
      const key = randomKey();
      const ttlMs = 2_000;
      const lock = await test.manager({ ttlMs }).acquire(key);
      const waiting = test.manager({ store: await test.peer(), ttlMs }).acquire(key, { waitMs: 40_000 });
      await sleep(100);
      await test.faults.dropConnections?.();
      // Past its first deadline: by now it was renewed or reported lost.
      await sleep(ttlMs);
      if (lock.held) await recovered(() => lock.release());
      else assert.ok(lock.signal.aborted, 'lost, and its signal does not say so');
      const next = await waiting;
      assert.ok(next.fencingToken > lock.fencingToken);
      await recovered(() => next.release());
    },
  },
  {
    id: 'faults/restart-keeps-or-tells',
    title:
      'when the server restarts a holder keeps its lock or is told within its ttl; afterwards one holds, with a higher token',
    faults: ['restartStore'],
    timeoutMs: 60_000,
    async run(test) {
      const key = randomKey();
      const ttlMs = 2_000;
      const locks = test.manager({ ttlMs });
      const lock = await locks.acquire(key);
      const waiting = test.manager({ store: await test.peer(), ttlMs }).acquire(key, { waitMs: 40_000 });
      await sleep(100);
      await test.faults.restartStore?.();
      await sleep(ttlMs);
      const kept = lock.held;
      if (!kept) assert.ok(lock.signal.aborted, 'lost, and its signal does not say so');
      const state = await recovered(() => locks.inspect(key));
      if (kept)
        assert.equal(state?.holders[0]?.fencingToken, lock.fencingToken, 'it believes to hold what another holds');
      await recovered(() => lock.release());
      const next = await waiting;
      if (test.store.capabilities.tokensSurviveDataLoss || kept) {
        assert.ok(next.fencingToken > lock.fencingToken, `${next.fencingToken} is not above ${lock.fencingToken}`);
      }
      assert.equal((await locks.tryAcquire(key)).acquired, false);
      await next.release();
    },
  },
  {
    id: 'faults/absence-is-not-contention',
    title:
      'while the server is away an acquire fails with a StoreError, never as contended; when it is back all is well',
    faults: ['kill', 'restartStore'],
    timeoutMs: 60_000,
    async run(test) {
      const locks = test.manager({ timeoutMs: 500 });
      await recovered(async () => (await locks.acquire(randomKey())).release());
      await test.faults.kill?.();
      try {
        await assert.rejects(locks.tryAcquire(randomKey()), isStoreError);
        await assert.rejects(locks.acquire(randomKey(), { waitMs: 600 }), isStoreError);
        await assert.rejects(locks.inspect(randomKey()), isStoreError);
        await assert.rejects(locks.releaseSession('s'), isStoreError);
      } finally {
        await test.faults.restartStore?.();
      }
      await (await recovered(() => locks.acquire(randomKey()))).release();
    },
  },
];
