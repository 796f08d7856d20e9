import { describe, expect, it } from 'vitest';
import { limiterBench } from '../../test/limiter-bench.js';
import { tokenBucket } from './limit.js';
import type { Decision, Limiter } from './api.js';

describe('deny cache', () => {
  it('refuses the same or a larger cost without the store, until the store would admit it', async () => {
    const { limiter, store, clock } = limiterBench({ denyCache: { maxMs: 60_000 } });
    await limiter.consume('k', { cost: 5 });
    const denied = await limiter.consume('k', { cost: 2 });
    expect(denied.source).toBe('store');
    const asked = store.calls.length;
    await clock.advance(500);
    const cached = await limiter.consume('k', { cost: 2 });
    expect(cached).toMatchObject({ allowed: false, source: 'cache', violated: 'rate', retryAfterMs: 1500, granted: 0 });
    expect(await limiter.consume('k', { cost: 3 })).toMatchObject({ source: 'cache' });
    expect(await limiter.consume('k', { cost: 6 })).toMatchObject({
      source: 'cache',
      reason: 'capacity',
      retryAfterMs: Infinity,
    });
    expect(await limiter.peek('k', { cost: 2 })).toMatchObject({ source: 'cache' });
    expect(store.calls).toHaveLength(asked);
    await clock.advance(500);
    expect(await limiter.consume('k', { cost: 1 })).toMatchObject({ allowed: true, source: 'store' });
  });

  it('never outlives the store’s refusal, counted from the time the question left', async () => {
    const { limiter, store, clock } = limiterBench({ denyCache: {} });
    await limiter.consume('k', { cost: 5 });
    store.mode = 'hold';
    const slow = limiter.consume('k', { cost: 1 });
    const call = store.calls.at(-1);
    await clock.advance(300);
    call?.answer();
    // Decided after 300 ms: 700 ms to go, so by the time it left the refusal ends at 700 ms, though it really ends at 1,000.
    expect(await slow).toMatchObject({ allowed: false, retryAfterMs: 700 });
    store.mode = 'answer';
    await clock.advance(399);
    expect((await limiter.consume('k')).source).toBe('cache');
    await clock.advance(1);
    expect((await limiter.consume('k')).source).toBe('store');
  });

  it('is bounded in time by maxMs and in keys by maxKeys', async () => {
    const { limiter, clock } = limiterBench({ denyCache: { maxMs: 100, maxKeys: 2 } });
    for (const key of ['a', 'b', 'c']) {
      await limiter.consume(key, { cost: 5 });
      await limiter.consume(key);
    }
    expect((await limiter.peek('a')).source).toBe('store');
    expect((await limiter.peek('b')).source).toBe('cache');
    await clock.advance(100);
    expect((await limiter.peek('b')).source).toBe('store');
  });

  it.each<[string, (limiter: Limiter, spent: Decision) => Promise<unknown>]>([
    ['refund', (limiter, spent) => limiter.refund(spent)],
    ['reset', (limiter) => limiter.reset('k')],
    ['penalize', (limiter) => limiter.penalize('k', { cost: 1 })],
    ['block', (limiter) => limiter.block('k', 5)],
    ['an allowed consume', (limiter) => limiter.consume('k', { cost: 0 })],
  ])('is cleared at once by %s', async (_name, act) => {
    const { limiter } = limiterBench({ denyCache: {} });
    const spent = await limiter.consume('k', { cost: 5 });
    await limiter.consume('k');
    expect((await limiter.peek('k')).source).toBe('cache');
    await act(limiter, spent);
    expect((await limiter.peek('k')).source).toBe('store');
  });

  it('knows nothing of other limits on the key', async () => {
    const { limiter } = limiterBench({ denyCache: {} });
    await limiter.consume('k', { cost: 5 });
    await limiter.consume('k');
    const plan = tokenBucket({ name: 'plan', capacity: 100, refillIntervalMs: 1000 });
    expect((await limiter.consume('k', { limits: plan })).source).toBe('store');
  });
});
