import { describe, expect, it } from 'vitest';
import { codeOf, lockBench } from '../../test/lock-bench.js';
import { plainLockStore, unreachable } from '../../test/plain-lock-store.js';
import { systemClock } from '../clock.js';
import { createManualClock } from '../manual-clock.js';
import { createLocks } from './locks.js';

const hang = (): Promise<void> => new Promise(() => {});

describe('a lease', () => {
  it('is certain until its ttl from the sending of the call, less the drift', async () => {
    const { clock, locks, store } = lockBench({ renew: false });
    store.after = (operation) =>
      operation === 'acquire' ? new Promise((done) => void clock.setTimer(done, 400)) : undefined;
    const acquiring = locks.acquire('a', { ttlMs: 1_000 });
    await clock.advance(400);
    const lock = await acquiring;
    expect(lock.expiresAtMs).toBe(1_704_067_200_000 + 1_000 - 2);
    await clock.advance(597);
    expect(lock.held).toBe(true);
    await clock.advance(1);
    expect(lock.held).toBe(false);
    expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ code: 'HEADGATE_LOCK_LOST', reason: 'expired' }));
  });

  it('aborts its signal at the deadline while the store hangs, and counts one end', async () => {
    const { clock, locks, store, events } = lockBench({ ttlMs: 3_000 });
    const lock = await locks.acquire('a');
    const { signal } = lock;
    store.before = (operation) => (operation === 'extend' ? hang() : undefined);
    await clock.advance(2_995);
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({
      code: 'HEADGATE_LOCK_LOST',
      reason: 'expired',
      fencingToken: lock.fencingToken,
    });
    expect(await lock.release()).toEqual({ released: false, reason: 'expired' });
    await clock.advance(10_000);
    expect(events('onLeaseEnd')).toMatchObject([{ ended: 'expired' }]);
    expect(events('onLockLost')).toMatchObject([{ reason: 'expired' }]);
    expect(events('onRelease')).toMatchObject([{ outcome: 'not_owner' }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not outlive its deadline when an extension is answered after it, and is given back then', async () => {
    const { clock, locks, store } = lockBench({ ttlMs: 3_000, timeoutMs: 60_000 });
    const lock = await locks.acquire('a');
    store.after = (operation) => (operation === 'extend' ? hang() : undefined);
    // The store extends each time and its answers are lost, so it still thinks the lease good when this process does not.
    await clock.advance(2_996);
    expect(lock.held).toBe(false);
    expect(store.held).toHaveLength(1);
    await lock.release();
    await clock.advance(0);
    expect(store.held).toEqual([]);
  });

  it('is unmoved by a wall clock that jumps an hour either way', async () => {
    const { clock, locks, events } = lockBench();
    const lock = await locks.acquire('a');
    for (const hours of [1, -2, 1]) {
      clock.setNowUs(clock.nowUs() + hours * 3_600_000_000);
      expect(lock.held).toBe(true);
      await clock.advance(4_000);
      lock.assertHeld();
    }
    await lock.release();
    expect(events('onLeaseEnd')).toMatchObject([{ ended: 'released' }]);
  });

  it('is seen to be lost at once by a process that was blocked for longer than the ttl', async () => {
    const locks = createLocks({ name: 'files', store: plainLockStore({ clock: systemClock }), ttlMs: 50 });
    const lock = await locks.acquire('a');
    const until = performance.now() + 80;
    while (performance.now() < until);
    expect(lock.held).toBe(false);
    expect(() => lock.assertHeld()).toThrow(/deadline/);
    expect(lock.signal.aborted).toBe(true);
    expect(await lock.release()).toMatchObject({ released: false });
    await locks.close();
  });

  it('is not renewed after such a block, whichever timer runs first', async () => {
    const clock = createManualClock();
    let blockedMs = 0;
    const late = { ...clock, monotonicMs: () => clock.monotonicMs() + blockedMs };
    const store = plainLockStore({ clock });
    const locks = createLocks({ name: 'files', store, ttlMs: 3_000, clock: late });
    const lock = await locks.acquire('a');
    await clock.advance(900);
    blockedMs = 2_500;
    await clock.advance(200);
    expect(store.count('extend')).toBe(0);
    expect(lock.signal.reason).toMatchObject({ reason: 'expired' });
    await locks.close();
  });

  it('keeps its signal unaborted when it is released, and releases once', async () => {
    const { clock, locks, store, events } = lockBench();
    const lock = await locks.acquire('a');
    const { signal } = lock;
    expect(await Promise.all([lock.release(), lock.release()])).toEqual([{ released: true }, { released: true }]);
    await clock.advance(60_000);
    expect(signal.aborted).toBe(false);
    expect(() => lock.assertHeld()).toThrow(/released by its holder/);
    expect(await codeOf(lock.extend())).toBe('HEADGATE_LOCK_LOST');
    expect(store.count('release')).toBe(1);
    expect(events('onRelease')).toMatchObject([{ outcome: 'released' }]);
    expect(events('onLeaseEnd')).toHaveLength(1);
  });

  it('can be released again when the store did not answer the first time', async () => {
    const { locks, store, events } = lockBench();
    const lock = await locks.acquire('a');
    store.before = () => {
      throw unreachable();
    };
    expect(await codeOf(lock.release())).toBe('HEADGATE_STORE');
    expect(lock.held).toBe(false);
    store.before = () => {};
    expect(await lock.release()).toEqual({ released: true });
    expect(events('onRelease').map((event) => event.outcome)).toEqual(['error', 'released']);
    expect(events('onLeaseEnd')).toMatchObject([{ ended: 'released' }]);
  });

  it('is extended by hand from now on, to what was asked for', async () => {
    const { clock, locks } = lockBench({ renew: false });
    const lock = await locks.acquire('a', { ttlMs: 1_000 });
    await clock.advance(900);
    await lock.extend();
    await clock.advance(900);
    expect(lock.held).toBe(true);
    await lock.extend(5_000);
    await clock.advance(4_900);
    expect(lock.held).toBe(true);
    await lock.extend(100);
    await clock.advance(98);
    expect(lock.held).toBe(false);
  });

  it('trusts the shorter time when the answer to a shortening was lost', async () => {
    const { clock, locks, store } = lockBench({ renew: false });
    const lock = await locks.acquire('a');
    store.after = () => {
      throw unreachable();
    };
    expect(await codeOf(lock.extend(100))).toBe('HEADGATE_STORE');
    expect(lock.held).toBe(true);
    await clock.advance(98);
    expect(lock.held).toBe(false);
  });

  it('is lost the moment the store says so', async () => {
    const { locks, store, events } = lockBench({ storeOptions: { wake: 'notify' } });
    const lock = await locks.acquire('a');
    const { signal } = lock;
    store.lose(lock.leaseId, 'connection');
    expect(signal.reason).toMatchObject({ reason: 'connection' });
    expect(events('onLeaseEnd')).toMatchObject([{ ended: 'lost' }]);
    expect(await lock.release()).toEqual({ released: false, reason: 'connection' });
    expect(store.count('release')).toBe(0);
  });

  it('lets the next in line ask as soon as it is lost', async () => {
    const { clock, locks, store } = lockBench({ storeOptions: { wake: 'notify' } });
    const lock = await locks.acquire('a');
    const next = locks.acquire('a');
    store.lose(lock.leaseId, 'stolen');
    await clock.advance(0);
    expect((await next).fencingToken).toBeGreaterThan(lock.fencingToken);
    await (await next).release();
  });

  it('belongs to nobody when the store lost it while the grant was on its way', async () => {
    const { clock, locks, store } = lockBench({ storeOptions: { wake: 'notify' } });
    let answer = (): void => {};
    store.after = () => new Promise((resolve) => (answer = resolve));
    const acquiring = locks.acquire('a', { sessionId: 's' });
    await clock.advance(0);
    store.lose(store.held[0]!.leaseId, 'session');
    store.after = () => {};
    answer();
    const lock = await acquiring;
    expect(store.held).toMatchObject([{ leaseId: lock.leaseId, fencingToken: lock.fencingToken }]);
    await lock.release();
  });

  it('reports the loss when its release finds it gone', async () => {
    const { locks, store, events } = lockBench();
    const lock = await locks.acquire('a');
    await store.forceRelease('files:a');
    expect(await lock.release()).toEqual({ released: false, reason: 'expired' });
    expect(events('onLockLost')).toHaveLength(1);
    expect(events('onLeaseEnd')).toMatchObject([{ ended: 'expired' }]);
  });
});

describe('withLock', () => {
  it('releases whatever happens and hands on what the work returned or threw', async () => {
    const { locks, store } = lockBench();
    expect(await locks.withLock('a', (lock) => lock.fencingToken)).toBeGreaterThan(0);
    await expect(locks.withLock('a', () => Promise.reject(new Error('work')))).rejects.toThrow('work');
    expect(store.held).toEqual([]);
  });

  it('rejects with the loss when the lease was lost meanwhile, what the work threw being its cause', async () => {
    const { clock, locks, store } = lockBench({ ttlMs: 1_000 });
    store.before = (operation) => (operation === 'extend' ? hang() : undefined);
    const late = new Error('half done');
    const outcome = locks
      .withLock('a', async (lock) => {
        await new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
        throw late;
      })
      .catch((error: unknown) => error);
    await clock.advance(1_000);
    expect(await outcome).toMatchObject({ code: 'HEADGATE_LOCK_LOST', reason: 'expired', cause: late });
  });

  it('keeps the result of work that was done under the lock when only the release fails', async () => {
    const { locks, store, events } = lockBench();
    store.before = (operation) => {
      if (operation === 'release') throw unreachable();
    };
    expect(await locks.withLock('a', () => 42)).toBe(42);
    expect(events('onRelease')).toMatchObject([{ outcome: 'error' }]);
  });
});
