import { describe, expect, it } from 'vitest';
import { open, recover, resilienceRig, watchUnhandledRejections } from '../../test/resilience-rig.js';
import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from './limit.js';
import type { ResilienceRig } from '../../test/resilience-rig.js';
import type { HeldCall } from '../../test/scripted-store.js';
import type { Limit } from './limit.js';

watchUnhandledRejections();

describe('reconcile', () => {
  it('charges the store once with what the fallback admitted unsent and still holds', async () => {
    const r = resilienceRig({}, { reconcile: true });
    await open(r);
    for (let i = 0; i < 3; i++) await r.limiter.consume('k', { cost: 2 });
    const refunded = await r.limiter.consume('k', { cost: 1 });
    await r.limiter.refund(refunded);
    await recover(r);
    expect(await r.limiter.peek('k')).toMatchObject({ source: 'store', remaining: 4 });
    // The calls that opened the breaker had been sent, so they may have been charged already.
    expect(await r.limiter.peek('opener')).toMatchObject({ remaining: 10 });
    expect(r.events.at(-1)).toMatchObject({ direction: 'recover', reconciledUnits: 6 });
    await open(r);
    await recover(r);
    expect(await r.limiter.peek('k')).toMatchObject({ source: 'store', remaining: 4 });
  });

  it('charges each limit with what its own window still holds', async () => {
    const limits = [
      fixedWindow({ name: 'second', limit: 5, windowMs: 1000 }),
      fixedWindow({ name: 'hour', limit: 50, windowMs: 3_600_000 }),
    ];
    const r = resilienceRig({ limits }, { reconcile: true });
    await open(r);
    await r.limiter.consume('k', { cost: 5 });
    await recover(r);
    const { policies } = await r.limiter.peek('k');
    expect(policies.map(({ name, remaining }) => [name, remaining])).toEqual([
      ['second', 5],
      ['hour', 45],
    ]);
  });

  it('does not try again when the store goes away once more, and still reports the recovery before the next outage', async () => {
    const r = resilienceRig({ breaker: { failures: 1, openMs: 1000 } }, { reconcile: true });
    r.store.mode = 'fail';
    await r.limiter.consume('opener');
    await r.limiter.consume('k', { cost: 5 });
    r.store.mode = 'hold';
    await r.clock.advance(1000);
    const probe = r.limiter.consume('probe');
    (r.store.calls.at(-1) as HeldCall).answer();
    await probe;
    await r.clock.advance(100);
    expect(r.events.map(({ direction }) => direction)).toEqual(['activate', 'recover', 'activate']);
    r.store.mode = 'answer';
    await r.clock.advance(2500);
    await r.limiter.consume('probe');
    await r.clock.advance(0);
    expect(await r.limiter.peek('k')).toMatchObject({ source: 'store', remaining: 10 });
    expect(await r.limiter.peek('k')).toMatchObject({ remaining: 10 });
  });
});

describe('reconcile and refunds', () => {
  it('keeps what was admitted unsent when a call that had been sent is refunded', async () => {
    const r = resilienceRig({}, { reconcile: true });
    r.store.mode = 'fail';
    const sent = await r.limiter.consume('k', { cost: 4 });
    await r.limiter.consume('opener');
    await r.limiter.consume('k', { cost: 3 });
    expect(await r.limiter.refund(sent)).toBe(4);
    await recover(r);
    expect(await r.limiter.peek('k')).toMatchObject({ source: 'store', remaining: 7 });
  });

  it('keeps what this outage admitted when a call of an earlier one, long charged, is refunded', async () => {
    const r = resilienceRig({}, { reconcile: true });
    await open(r);
    const earlier = await r.limiter.consume('k', { cost: 4 });
    await recover(r);
    await open(r);
    await r.limiter.consume('k', { cost: 3 });
    await r.limiter.refund(earlier);
    await recover(r);
    expect(await r.limiter.peek('k')).toMatchObject({ source: 'store', remaining: 3 });
  });
});

describe('reconcile of a blocked key, whose remaining units cannot be read', () => {
  const cases = [
    { limit: fixedWindow({ limit: 10, windowMs: 5000 }), held: 4 },
    // All of them came at one instant, so all of them stay until the reset.
    { limit: slidingLog({ limit: 10, windowMs: 5000 }), held: 4 },
    { limit: slidingWindow({ limit: 10, windowMs: 5000 }), held: 0 },
    // Four tokens less the two of the second that passes.
    { limit: tokenBucket({ capacity: 10, refillIntervalMs: 5000 }), held: 2 },
  ];
  /** An open breaker at an instant that begins an aligned window. */
  const openRig = async (limits: Limit): Promise<ResilienceRig> => {
    const r = resilienceRig({ limits }, { reconcile: true });
    await r.clock.advance(10_000 - ((r.clock.nowUs() / 1000) % 10_000));
    await open(r);
    return r;
  };
  const chargedTo = async ({ limiter }: ResilienceRig): Promise<number> => 10 - (await limiter.peek('k')).remaining;

  for (const { limit, held } of cases) {
    it(`${limit.kind}: charges what is held for certain`, async () => {
      const r = await openRig(limit);
      await r.limiter.consume('k', { cost: 4 });
      await r.limiter.block('k', 60_000);
      await recover(r);
      expect(await chargedTo(r)).toBe(held);
    });

    it(`${limit.kind}: charges nothing once it is refilled`, async () => {
      const r = await openRig(limit);
      await r.limiter.consume('k', { cost: 4 });
      await r.limiter.block('k', 60_000);
      await r.clock.advance(9000);
      await recover(r);
      expect(await chargedTo(r)).toBe(0);
    });

    it(`${limit.kind}: charges at most what was admitted last when part of it may be refilled`, async () => {
      const r = await openRig(limit);
      await r.limiter.consume('k', { cost: 9 });
      await r.clock.advance(10_000);
      // A probe that fails: its unit was sent.
      await r.limiter.consume('k', { cost: 1 });
      await r.limiter.consume('k', { cost: 2 });
      await r.limiter.block('k', 60_000);
      await r.clock.advance(1500);
      await recover(r);
      expect((await r.limiter.peek('k')).source).toBe('store');
      expect(await chargedTo(r)).toBeLessThanOrEqual(2);
    });
  }
});
