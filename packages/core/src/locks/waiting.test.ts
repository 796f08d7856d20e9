import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { codeOf, lockBench } from '../../test/lock-bench.js';
import { unreachable } from '../../test/plain-lock-store.js';
import { AcquireTimeoutError, StoreTimeoutError } from '../errors.js';
import type { AcquireRequest } from './contract.js';

describe('waiting for a lock', () => {
  it('is first come, first served among the callers of a process', async () => {
    const { clock, locks } = lockBench({ passOn: { maxLeases: 1 } });
    const first = await locks.acquire('a');
    const order: number[] = [];
    const takers = [1, 2, 3, 4, 5].map(async (n) => {
      const lock = await locks.acquire('a');
      order.push(n);
      await lock.release();
    });
    await first.release();
    await clock.advance(0);
    await Promise.all(takers);
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  it('asks the store for one of many local waiters only, and not at all behind a local holder', async () => {
    const { clock, locks, peer, store } = lockBench();
    const theirs = await peer().acquire('a');
    const waits = Array.from({ length: 25 }, () =>
      locks.acquire('a', { waitMs: 60_000 }).then((lock) => lock.release()),
    );
    const before = store.count('acquire');
    await clock.advance(2_500);
    // One waiter, asking after 250 ms at most and then ever less often.
    expect(store.count('acquire') - before).toBeLessThanOrEqual(6);
    await theirs.release();
    await clock.advance(5_000);
    await Promise.all(waits);
    const holder = await locks.acquire('a');
    const behind = locks.acquire('a', { waitMs: 5_000 });
    const asked = store.count('acquire');
    await clock.advance(4_000);
    expect(store.count('acquire')).toBe(asked);
    await holder.release();
    await (await behind).release();
  });

  it('ends at waitMs with the holders named, and leaves no waiter or timer', async () => {
    const { clock, locks, peer, store, events } = lockBench();
    const held = await peer({ renew: false, ownerId: 'them' }).acquire('a', {
      sessionId: 'w7',
      metadata: { pid: '1' },
    });
    const waiting = locks.acquire('a', { waitMs: 1_000 });
    const error = waiting.catch((reason: unknown) => reason);
    await clock.advance(999);
    expect(locks.local().waiting).toMatchObject([{ key: 'a' }]);
    await clock.advance(1);
    const timeout = (await error) as AcquireTimeoutError;
    expect(timeout).toBeInstanceOf(AcquireTimeoutError);
    expect(timeout).toMatchObject({ code: 'HEADGATE_ACQUIRE_TIMEOUT', key: 'a', waitMs: 1_000 });
    expect(timeout.holders).toMatchObject([{ ownerId: 'them', sessionId: 'w7', metadata: { pid: '1' } }]);
    expect(store.announced.size).toBe(0);
    expect(locks.local().waiting).toEqual([]);
    await held.release();
    expect(clock.pendingTimers).toBe(0);
    expect(events('onAcquire')).toMatchObject([{ outcome: 'timeout', contended: true, waitMs: 1_000 }]);
    expect(events('onWaiters').map((event) => event.delta)).toEqual([1, -1]);
  });

  it('names the local holder to a caller that never asked the store', async () => {
    const { clock, locks, store } = lockBench();
    const mine = await locks.acquire('a', { sessionId: 's' });
    const waiting = locks.acquire('a', { waitMs: 10 }).catch((error: unknown) => error);
    await clock.advance(10);
    expect(await waiting).toMatchObject({ holders: [{ sessionId: 's', fencingToken: mine.fencingToken }] });
    expect(store.count('acquire')).toBe(1);
    await mine.release();
  });

  it('sleeps no longer than the lease in the way lasts', async () => {
    const { clock, locks, peer } = lockBench({ pollMs: 60_000, storeOptions: { wake: 'notify' } });
    await peer({ renew: false }).acquire('a', { ttlMs: 300 });
    const waiting = locks.acquire('a', { waitMs: 5_000 });
    await clock.advance(311);
    const lock = await waiting;
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('is woken by a store that notifies, also while an attempt is on its way', async () => {
    const { clock, locks, peer, store } = lockBench({
      pollMs: 60_000,
      ttlMs: 600_000,
      storeOptions: { wake: 'notify' },
    });
    const theirs = await peer().acquire('a');
    let answer = (): void => {};
    store.after = (operation) => (operation === 'acquire' ? new Promise((resolve) => (answer = resolve)) : undefined);
    const waiting = locks.acquire('a', { waitMs: 500_000 });
    await clock.advance(1);
    // Refused already, but the caller does not know when the lock becomes free.
    store.after = () => {};
    await theirs.release();
    answer();
    await clock.advance(1);
    const lock = await waiting;
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('asks again only when a wake-up names nobody or its own lease', async () => {
    const { clock, locks, peer, store } = lockBench({
      pollMs: 60_000,
      ttlMs: 600_000,
      storeOptions: { wake: 'notify' },
    });
    const theirs = await peer().acquire('a');
    const waiting = locks.acquire('a', { waitMs: 500_000 });
    await clock.advance(1);
    const asked = store.calls.filter(({ operation }) => operation === 'acquire').at(-1)?.given as AcquireRequest;
    const before = store.count('acquire');
    store.wake(asked.key, 'somebody else');
    await clock.advance(1);
    expect(store.count('acquire')).toBe(before);
    store.wake(asked.key, asked.leaseId);
    await clock.advance(1);
    expect(store.count('acquire')).toBe(before + 1);
    store.wake(asked.key);
    await clock.advance(1);
    expect(store.count('acquire')).toBe(before + 2);
    await theirs.release();
    await clock.advance(1);
    await (await waiting).release();
  });

  it('one signal may be shared by any number of waits without a warning', async () => {
    const { clock, locks, peer } = lockBench();
    const theirs = await peer().acquire('a');
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const abort = new AbortController();
    const waits = Array.from({ length: 20 }, () => locks.acquire('a', { waitMs: 5_000, signal: abort.signal }));
    await clock.advance(10);
    const reason = new Error('enough');
    abort.abort(reason);
    for (const outcome of await Promise.allSettled(waits)) expect(outcome).toMatchObject({ reason });
    await setImmediate();
    process.off('warning', warned);
    expect(warnings).toEqual([]);
    await theirs.release();
  });

  it('asks a store that polls ever less often while the same holder stays', async () => {
    const { clock, locks, peer, store } = lockBench({ ttlMs: 600_000 });
    const theirs = await peer().acquire('a');
    const waiting = locks.acquire('a', { waitMs: 60_000 });
    await clock.advance(30_000);
    expect(store.count('acquire') - 1).toBeLessThanOrEqual(12);
    await theirs.release();
    // A release is noticed within the longest pause, 24 times pollMs.
    await clock.advance(6_000);
    const lock = await waiting;
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('rejects with the reason of an abort at once and leaves nothing held, queued or ticking', async () => {
    const { clock, locks, peer, store, events } = lockBench();
    const theirs = await peer({ renew: false }).acquire('a');
    const abort = new AbortController();
    const waiting = locks.acquire('a', { waitMs: 5_000, signal: abort.signal });
    const behind = locks.acquire('a', { waitMs: 5_000, signal: abort.signal });
    await clock.advance(10);
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(behind).rejects.toBe(reason);
    await clock.advance(0);
    expect(store.announced.size).toBe(0);
    expect(store.held).toHaveLength(1);
    expect(locks.local()).toEqual({ held: [], waiting: [] });
    await theirs.release();
    expect(clock.pendingTimers).toBe(0);
    expect(events('onAcquire').map((event) => event.outcome)).toEqual(['aborted', 'aborted']);
  });

  it('lets any number of callers share one signal', async () => {
    const { locks } = lockBench();
    const warnings: unknown[] = [];
    const warned = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', warned);
    const abort = new AbortController();
    const held = await locks.acquire('a');
    const waiting = Array.from({ length: 30 }, () => locks.acquire('a', { signal: abort.signal }));
    const outcomes = Promise.allSettled(waiting);
    await setImmediate();
    process.off('warning', warned);
    expect(warnings).toEqual([]);
    abort.abort(new Error('all'));
    expect((await outcomes).map((outcome) => outcome.status)).toEqual(Array(30).fill('rejected'));
    await held.release();
  });

  it('costs no call to the store when the signal has aborted already', async () => {
    const { locks, store, events } = lockBench();
    const signal = AbortSignal.abort(new Error('before'));
    await expect(locks.acquire('a', { signal })).rejects.toThrow('before');
    await expect(locks.tryAcquire('a', { signal })).rejects.toThrow('before');
    await expect(locks.acquireAll(['a', 'b'], { signal })).rejects.toThrow('before');
    expect(store.calls).toEqual([]);
    expect(events('onAcquire').map((event) => event.outcome)).toEqual(['aborted', 'aborted', 'aborted', 'aborted']);
  });

  it('survives 500 races of an abort with a grant: each is granted and returned, or leaves nothing', async () => {
    const { clock, locks, store } = lockBench();
    let granted = 0;
    let aborted = 0;
    for (let round = 0; round < 500; round += 1) {
      const turns = (): number => Math.floor(Math.random() * 6);
      const delays = [turns(), turns()];
      store.before = () => wait(delays[0]!);
      store.after = () => wait(delays[1]!);
      const abort = new AbortController();
      const calls = [locks.acquire('a', { signal: abort.signal }), locks.tryAcquire('a', { signal: abort.signal })];
      const outcomes = Promise.allSettled(calls);
      await wait(Math.floor(Math.random() * 14));
      abort.abort(new Error('raced'));
      for (const outcome of await outcomes) {
        if (outcome.status === 'rejected') {
          expect(outcome.reason).toMatchObject({ message: 'raced' });
          aborted += 1;
        } else {
          const lock =
            'acquired' in outcome.value ? (outcome.value.acquired ? outcome.value.lock : undefined) : outcome.value;
          granted += lock ? 1 : 0;
          await lock?.release();
        }
      }
      store.before = () => {};
      store.after = () => {};
      for (let n = 0; n < 20 && (store.held.length > 0 || clock.pendingTimers > 0); n += 1) await setImmediate();
      expect(store.held, `round ${round}`).toEqual([]);
      expect(store.announced.size).toBe(0);
      expect(locks.local()).toEqual({ held: [], waiting: [] });
      expect(clock.pendingTimers).toBe(0);
    }
    expect(granted).toBeGreaterThan(20);
    expect(aborted).toBeGreaterThan(20);
  });

  it('refuses more waiters than maxQueue without asking the store', async () => {
    const { clock, locks, store } = lockBench({ maxQueue: 2 });
    const mine = await locks.acquire('a');
    const waiting = [locks.acquire('a'), locks.acquire('a')];
    expect(await codeOf(locks.acquire('a'))).toBe('HEADGATE_QUEUE_FULL');
    await (await locks.acquire('b')).release();
    expect(store.count('acquire')).toBe(2);
    await mine.release();
    for (const each of waiting) await (await each).release();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a store in trouble', () => {
  it('is an error at once for a caller that does not wait', async () => {
    const { locks, store, events } = lockBench();
    store.before = () => {
      throw unreachable();
    };
    expect(await codeOf(locks.tryAcquire('a'))).toBe('HEADGATE_STORE');
    expect(await codeOf(locks.acquire('a', { waitMs: 0 }))).toBe('HEADGATE_STORE');
    expect(events('onAcquire').map((event) => event.outcome)).toEqual(['error', 'error']);
  });

  it('is tried again while waiting, and is what a caller is told when its time is up', async () => {
    const { clock, locks, store } = lockBench();
    store.before = () => {
      throw unreachable();
    };
    const recovers = locks.acquire('a', { waitMs: 5_000 });
    await clock.advance(300);
    store.before = () => {};
    await clock.advance(300);
    await (await recovers).release();
    store.before = () => {
      throw unreachable();
    };
    const fails = codeOf(locks.acquire('a', { waitMs: 1_000 }));
    const behind = codeOf(locks.acquire('a', { waitMs: 900 }));
    await clock.advance(1_000);
    expect(await behind).toBe('HEADGATE_STORE');
    expect(await fails).toBe('HEADGATE_STORE');
    expect(clock.pendingTimers).toBe(0);
  });

  it('that hangs fails an acquire within its time as unavailable, and a late grant is given back', async () => {
    const { clock, locks, store } = lockBench();
    let answer = (): void => {};
    store.after = (operation) => (operation === 'acquire' ? new Promise((resolve) => (answer = resolve)) : undefined);
    const waiting = locks.acquire('a', { waitMs: 700 }).catch((error: unknown) => error);
    await clock.advance(700);
    expect(await waiting).toBeInstanceOf(StoreTimeoutError);
    const tried = locks.tryAcquire('b').catch((error: unknown) => error);
    await clock.advance(2_000);
    expect(await tried).toMatchObject({ code: 'HEADGATE_STORE_TIMEOUT', timeoutMs: 2_000 });
    expect(store.held).toEqual([]);
    answer();
    await clock.advance(0);
    expect(store.held).toEqual([]);
  });

  it('whose reply was lost is asked again with the same lease id and returns the same lease', async () => {
    const { clock, locks, store } = lockBench();
    let lost = 0;
    store.after = (operation) => {
      if (operation === 'acquire' && lost++ === 0) throw unreachable();
    };
    const waiting = locks.acquire('a', { waitMs: 5_000 });
    await clock.advance(200);
    const lock = await waiting;
    expect(store.held).toMatchObject([{ leaseId: lock.leaseId, fencingToken: lock.fencingToken }]);
    await lock.release();
    expect(store.held).toEqual([]);
  });

  it('that grants later than the ttl has granted nothing', async () => {
    const { clock, locks, store } = lockBench({ timeoutMs: 60_000 });
    store.after = (operation) =>
      operation === 'acquire' ? new Promise((resolve) => void clock.setTimer(resolve, 200)) : undefined;
    const tried = codeOf(locks.tryAcquire('a', { ttlMs: 100 }));
    await clock.advance(200);
    expect(await tried).toBe('HEADGATE_STORE_TIMEOUT');
  });
});

async function wait(turns: number): Promise<void> {
  for (let n = 0; n < turns; n += 1) await Promise.resolve();
}
