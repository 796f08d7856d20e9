import { describe, expect, it } from 'vitest';
import { lockBench } from '../../test/lock-bench.js';
import { unreachable } from '../../test/plain-lock-store.js';
import type { ExtendRequest } from './contract.js';

describe('renewal', () => {
  it('keeps leases far beyond their ttl, all that are due about now in one call', async () => {
    const { clock, locks, store, events } = lockBench({ ttlMs: 3_000 });
    const held = [];
    for (let n = 0; n < 50; n += 1) {
      held.push(await locks.acquire(`k${n}`));
      await clock.advance(4);
    }
    await clock.advance(15_000);
    expect(held.every((lock) => lock.held)).toBe(true);
    const batches = store.calls
      .filter((call) => call.operation === 'extend')
      .map((call) => (call.given as ExtendRequest[]).length);
    expect(batches.every((size) => size === 50)).toBe(true);
    expect(batches.length).toBeGreaterThanOrEqual(14);
    expect(batches.length).toBeLessThanOrEqual(16);
    expect(events('onExtend')).toHaveLength(batches.length * 50);
    await Promise.all(held.map((lock) => lock.release()));
  });

  it('stops with the release: no call and no timer is left', async () => {
    const { clock, locks, store } = lockBench({ ttlMs: 300 });
    const lock = await locks.acquire('a');
    await clock.advance(1_000);
    await lock.release();
    expect(clock.pendingTimers).toBe(0);
    const calls = store.calls.length;
    await clock.advance(10_000);
    expect(store.calls.length).toBe(calls);
  });

  it('is tried again until the deadline after it failed', async () => {
    const { clock, locks, store, events } = lockBench({ ttlMs: 3_000 });
    const lock = await locks.acquire('a');
    store.before = (operation) => {
      if (operation === 'extend') throw unreachable();
    };
    await clock.advance(2_500);
    expect(events('onExtend').length).toBeGreaterThan(2);
    expect(events('onExtend').every((event) => event.outcome === 'error')).toBe(true);
    expect(lock.held).toBe(true);
    store.before = () => {};
    await clock.advance(2_000);
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('makes another attempt before the deadline when an answer is lost', async () => {
    const { clock, locks, store } = lockBench({ ttlMs: 3_000 });
    const lock = await locks.acquire('a');
    let first = true;
    store.before = (operation) => {
      if (operation !== 'extend' || !first) return undefined;
      first = false;
      return new Promise(() => {});
    };
    await clock.advance(6_000);
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('reports as lost what the store no longer has, and ends nothing else', async () => {
    const { clock, locks, store, events } = lockBench({ ttlMs: 3_000 });
    const [gone, stays] = [await locks.acquire('gone'), await locks.acquire('stays')];
    await store.forceRelease('files:gone');
    await clock.advance(1_000);
    expect(gone.signal.aborted).toBe(true);
    expect(stays.held).toBe(true);
    expect(events('onExtend').map((event) => event.outcome)).toEqual(['lost', 'ok']);
    expect(events('onLockLost')).toHaveLength(1);
    await stays.release();
  });

  it('does not mistake a release that overtakes it for a loss', async () => {
    const { clock, locks, store, events } = lockBench({ ttlMs: 3_000 });
    const lock = await locks.acquire('a');
    let extend = (): void => {};
    store.before = (operation) => (operation === 'extend' ? new Promise((resolve) => (extend = resolve)) : undefined);
    await clock.advance(1_000);
    expect(await lock.release()).toEqual({ released: true });
    extend();
    await clock.advance(0);
    expect(events('onLockLost')).toEqual([]);
    expect(lock.signal.aborted).toBe(false);
  });

  it('can be turned off, for all leases or one', async () => {
    const { clock, locks, store } = lockBench({ ttlMs: 1_000, renew: false });
    const [bare, kept] = [await locks.acquire('a'), await locks.acquire('b', { renew: true })];
    await clock.advance(1_000);
    expect([bare.held, kept.held]).toEqual([false, true]);
    expect(store.held).toHaveLength(1);
    await kept.release();
  });

  it('and deadlines are the only timers that keep the process alive', async () => {
    const { clock, locks, peer, store } = lockBench();
    const theirs = await peer({ renew: false }).acquire('b');
    expect(clock.referencedTimers).toBe(1);
    const waiting = locks.acquire('b', { waitMs: 50_000 });
    store.before = (operation) => (operation === 'inspect' ? new Promise(() => {}) : undefined);
    const inspecting = locks.inspect('b').catch(() => null);
    await clock.advance(1);
    expect(clock.pendingTimers).toBeGreaterThan(2);
    expect(clock.referencedTimers).toBe(1);
    await theirs.release();
    await clock.advance(300);
    expect(clock.referencedTimers).toBe(1);
    await (await waiting).release();
    await clock.advance(2_000);
    await inspecting;
    expect(clock.pendingTimers).toBe(0);
  });
});
