import { describe, expect, it } from 'vitest';
import { open, resilienceRig, watchUnhandledRejections } from '../../test/resilience-rig.js';
import { InvalidArgumentError, StoreContendedError } from '../errors.js';
import type { HeldCall } from '../../test/scripted-store.js';

watchUnhandledRejections();

describe('breaker', () => {
  it('opens after failures in a row; then nothing but probes reaches the store, and the first good one brings all back', async () => {
    const r = resilienceRig({}, {});
    const { clock, store, limiter, events } = r;
    await open(r);
    expect(events).toEqual([{ limiter: 'api', direction: 'activate', from: 'scripted', to: 'spare' }]);
    const asked = store.calls.length;
    await Promise.all(Array.from({ length: 50 }, () => limiter.consume('k')));
    await clock.advance(999);
    await limiter.consume('k');
    expect(store.calls).toHaveLength(asked);
    await clock.advance(1);
    await Promise.all(Array.from({ length: 50 }, () => limiter.consume('k')));
    expect(store.calls).toHaveLength(asked + 1);
    // A failed probe doubles the pause, with at most a quarter of jitter.
    await clock.advance(1999);
    await limiter.consume('k');
    expect(store.calls).toHaveLength(asked + 1);
    store.mode = 'answer';
    await clock.advance(501);
    expect((await limiter.consume('fresh')).source).toBe('store');
    expect((await limiter.consume('fresh')).source).toBe('store');
    expect(events.map(({ direction }) => direction)).toEqual(['activate', 'recover']);
  });

  it('lets one probe out at a time, alone, while others are served by the fallback', async () => {
    const r = resilienceRig({}, {});
    await open(r);
    r.store.mode = 'hold';
    const before = r.store.calls.length;
    await r.clock.advance(1000);
    const probe = r.limiter.consume('p');
    const others = await Promise.all([r.limiter.consume('p'), r.limiter.consume('q')]);
    expect(others.map(({ source }) => source)).toEqual(['fallback', 'fallback']);
    expect(r.store.calls).toHaveLength(before + 1);
    (r.store.calls[before] as HeldCall).answer();
    expect((await probe).source).toBe('store');
  });

  it('ends hung and gathered calls within timeoutMs, then spends no more of anybody’s time', async () => {
    const r = resilienceRig({ maxInFlight: 1 }, {});
    r.store.mode = 'hold';
    const ends: number[] = [];
    const consume = async (): Promise<void> => {
      const from = r.clock.monotonicMs();
      const { source } = await r.limiter.consume('k');
      expect(source).toBe('fallback');
      ends.push(r.clock.monotonicMs() - from);
    };
    const all: Promise<void>[] = [];
    for (let i = 0; i < 40; i++) {
      all.push(consume());
      await r.clock.advance(10);
    }
    await Promise.all(all);
    expect(Math.max(...ends)).toBeLessThanOrEqual(100);
    // Two hung round trips open it; from then on every call ends at once.
    expect(r.store.calls).toHaveLength(2);
    expect(ends.slice(-10)).toEqual(Array.from({ length: 10 }, () => 0));
  });

  it('probes again after a probe that was refused for what it asked, which says nothing about the store', async () => {
    const r = resilienceRig({}, {});
    await open(r);
    r.store.mode = 'hold';
    await r.clock.advance(1000);
    const probe = r.limiter.consume('p');
    (r.store.calls.at(-1) as HeldCall).fail(new InvalidArgumentError('no such key'));
    await expect(probe).rejects.toThrow(InvalidArgumentError);
    expect(r.events.map(({ direction }) => direction)).toEqual(['activate']);
    const asked = r.store.calls.length;
    r.store.mode = 'answer';
    expect((await r.limiter.consume('q')).source).toBe('store');
    expect(r.store.calls).toHaveLength(asked + 1);
    expect(r.events.map(({ direction }) => direction)).toEqual(['activate', 'recover']);
  });

  it('is not opened by contention, which the failure mode answers call by call', async () => {
    const r = resilienceRig({ onStoreFailure: 'open' });
    r.store.mode = 'hold';
    for (let i = 0; i < 5; i++) {
      const decision = r.limiter.consume('k');
      const error = new StoreContendedError('contended', { store: 'scripted', attempts: 3 });
      (r.store.calls[i] as HeldCall).reply([{ error }]);
      expect((await decision).source).toBe('open');
    }
    expect(r.events).toEqual([]);
    expect(r.store.calls).toHaveLength(5);
  });

  it('starts its count anew after an answer', async () => {
    const r = resilienceRig({}, {});
    for (let i = 0; i < 4; i++) {
      r.store.mode = 'fail';
      await r.limiter.consume('k');
      r.store.mode = 'answer';
      await r.limiter.consume('k');
    }
    expect(r.events).toEqual([]);
  });
});
