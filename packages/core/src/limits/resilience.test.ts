import { describe, expect, it } from 'vitest';
import { inProcessStore, open, resilienceRig, ten, watchUnhandledRejections } from '../../test/resilience-rig.js';
import { ScriptedStore } from '../../test/scripted-store.js';
import { StoreError } from '../errors.js';
import { createManualClock } from '../manual-clock.js';
import { fixedWindow, tokenBucket } from './limit.js';
import { createLimiter } from './limiter.js';
import type { HeldCall } from '../../test/scripted-store.js';
import type { LimiterAnswerNow, LimiterStore } from './contract.js';

watchUnhandledRejections();

describe('onStoreFailure', () => {
  it('throws the store’s error by default', async () => {
    const { store, limiter } = resilienceRig();
    store.mode = 'fail';
    await expect(limiter.consume('k')).rejects.toMatchObject({ code: 'HEADGATE_STORE', kind: 'connection' });
  });

  it('open admits and says so; closed refuses and says so; neither looks like a decision of the store', async () => {
    const openRig = resilienceRig({ onStoreFailure: 'open' });
    openRig.store.mode = 'fail';
    const admitted = await openRig.limiter.consume('k', { cost: 3 });
    expect(admitted).toMatchObject({ allowed: true, source: 'open', granted: 3, limit: 10 });
    expect(await openRig.limiter.refund(admitted)).toBe(0);
    const closedRig = resilienceRig({ onStoreFailure: 'closed' });
    await open(closedRig);
    const refused = await closedRig.limiter.consume('k');
    expect(refused).toMatchObject({
      allowed: false,
      source: 'closed',
      reason: 'closed',
      retryAfterMs: 1000,
      granted: 0,
    });
    expect(refused).toHaveProperty('violated', undefined);
  });

  it('never pretends that a write took place: block, penalize, reset and refund fail in open and closed mode', async () => {
    for (const onStoreFailure of ['open', 'closed'] as const) {
      const { store, limiter } = resilienceRig({ onStoreFailure });
      const decision = await limiter.consume('k');
      store.mode = 'fail';
      await expect(limiter.block('k', 1000)).rejects.toThrow(StoreError);
      await expect(limiter.penalize('k', { cost: 1 })).rejects.toThrow(StoreError);
      await expect(limiter.reset('k')).rejects.toThrow(StoreError);
      await expect(limiter.refund(decision)).rejects.toThrow(StoreError);
    }
  });

  it('survives a store that is away at start-up', async () => {
    const { clock, store, limiter } = resilienceRig({}, {});
    store.mode = 'fail';
    expect((await limiter.consume('k')).source).toBe('fallback');
    store.mode = 'answer';
    await clock.advance(1000);
    expect((await limiter.consume('k')).source).toBe('store');
  });
});

describe('fallback', () => {
  it('admits this process’s share and no more, in the same window', async () => {
    const r = resilienceRig({}, { share: 1 / 3 });
    await open(r);
    const sources: string[] = [];
    let admitted = 0;
    for (let i = 0; i < 12; i++) {
      const decision = await r.limiter.consume('k');
      sources.push(decision.source);
      if (decision.allowed) admitted++;
    }
    expect(admitted).toBe(3);
    expect(new Set(sources)).toEqual(new Set(['fallback']));
    const refused = await r.limiter.consume('k');
    expect(refused).toMatchObject({ allowed: false, reason: 'quota', limit: 3, violated: 'default' });
  });

  it('admits a cost above the share when the whole share is free, and calls only a cost above the limit never', async () => {
    const r = resilienceRig({}, { share: 1 / 3 });
    await open(r);
    const wide = await r.limiter.consume('k', { cost: 8 });
    expect(wide).toMatchObject({ allowed: true, granted: 8, remaining: 0 });
    expect(await r.limiter.consume('k', { cost: 8 })).toMatchObject({
      allowed: false,
      reason: 'quota',
      retryAfterMs: 60_000,
    });
    expect(await r.limiter.consume('k', { cost: 11 })).toMatchObject({ reason: 'capacity', retryAfterMs: Infinity });
    // Three units were charged there, so three are what can be given back.
    expect(await r.limiter.refund(wide)).toBe(3);
    expect((await r.limiter.consume('k', { cost: 3 })).allowed).toBe(true);
  });

  it('scales a bucket’s rate exactly, and refuses a share that cannot be held', async () => {
    const limits = tokenBucket({ capacity: 10, refillTokens: 7, refillIntervalMs: 3000 });
    const r = resilienceRig({ limits }, { share: 1 / 4 });
    await open(r);
    expect((await r.limiter.consume('k', { cost: 2 })).allowed).toBe(true);
    const refused = await r.limiter.consume('k');
    // One token at 7 per 12 s, to the microsecond.
    expect(refused).toHaveProperty('retryAfterMs', Math.ceil(12_000_000 / 7) / 1000);
    const large = tokenBucket({ capacity: 2 ** 41, refillTokens: 1, refillIntervalMs: 1 });
    expect(() => resilienceRig({ limits: large }, { share: 3 / 4 })).toThrow(/fallback\.share/);
  });

  it('keeps at least one unit of a small limit', async () => {
    const r = resilienceRig({ limits: fixedWindow({ limit: 2, windowMs: 1000 }) }, { share: 1 / 5 });
    await open(r);
    expect(await r.limiter.consume('k')).toMatchObject({ allowed: true, limit: 1 });
  });

  it('asks a fallback that prepares its decisions once for each policy', async () => {
    const clock = createManualClock();
    const spare = inProcessStore(clock);
    const prepared: string[] = [];
    const preparing: LimiterStore = {
      ...spare,
      decideNowFor(name, limits, make) {
        prepared.push(`${name} ${limits.map(({ limit }) => limit)}`);
        return (key, op) => make(key, spare.decideNow?.(key, limits, op) as LimiterAnswerNow);
      },
    };
    const { store, limiter } = resilienceRig({ clock, fallback: { store: preparing, share: 0.5 } });
    store.mode = 'fail';
    for (const key of ['a', 'b', 'a']) await limiter.consume(key);
    await limiter.consume('a', { limits: fixedWindow({ limit: 4, windowMs: 60_000 }) });
    expect(prepared).toEqual(['api 5', 'api 2']);
  });

  it('works over a fallback that needs a promise', async () => {
    const clock = createManualClock();
    const store = new ScriptedStore(clock);
    const second = new ScriptedStore(clock, { name: 'second' });
    const limiter = createLimiter({ name: 'api', store, limits: ten, clock, fallback: { store: second, share: 0.5 } });
    store.mode = 'fail';
    const decision = await limiter.consume('k', { cost: 4 });
    expect(decision).toMatchObject({ allowed: true, source: 'fallback', limit: 5, remaining: 1 });
    expect(await limiter.refund(decision)).toBe(4);
    expect(second.records.size).toBe(0);
    second.mode = 'fail';
    await expect(limiter.consume('k')).rejects.toMatchObject({ store: 'second' });
    await limiter.close();
  });
});

describe('a lost reply', () => {
  it('is not sent again: it counts once in the store and once in the fallback', async () => {
    const r = resilienceRig({}, {});
    r.store.mode = 'hold';
    const decision = r.limiter.consume('k', { cost: 4 });
    (r.store.calls[0] as HeldCall).lose();
    await r.clock.advance(100);
    expect(await decision).toMatchObject({ allowed: true, source: 'fallback', remaining: 6 });
    expect(r.store.calls).toHaveLength(1);
    r.store.mode = 'answer';
    expect(await r.limiter.peek('k')).toMatchObject({ source: 'store', remaining: 6 });
  });
});

describe('reset', () => {
  it('forgets the key in the fallback too', async () => {
    const r = resilienceRig({}, {});
    r.store.mode = 'fail';
    await r.limiter.consume('k', { cost: 10 });
    r.store.mode = 'answer';
    await r.limiter.reset('k');
    r.store.mode = 'fail';
    expect((await r.limiter.consume('k', { cost: 10 })).allowed).toBe(true);
  });
});
