import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedStore } from '../../test/scripted-store.js';
import { InvalidArgumentError, StoreContendedError, StoreError } from '../errors.js';
import { createManualClock } from '../manual-clock.js';
import { decideStep } from './decide.js';
import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from './limit.js';
import { createLimiter } from './limiter.js';
import type { FallbackEvent } from '../hooks/events.js';
import type { ManualClock } from '../manual-clock.js';
import type { FallbackOptions, Limiter, LimiterOptions } from './api.js';
import type { Limit } from './limit.js';
import type { LimiterAnswerNow, LimiterStore } from './contract.js';
import type { LimiterRecord } from './record.js';
import type { HeldCall } from '../../test/scripted-store.js';

/** An in-process store in a dozen lines: the definition over a map. */
function inProcess(clock: ManualClock): LimiterStore & { records: Map<string, LimiterRecord> } {
  const records = new Map<string, LimiterRecord>();
  const inner = new ScriptedStore(clock, { name: 'spare' });
  return {
    name: 'spare',
    clock: 'client',
    capabilities: inner.capabilities,
    records,
    decide: async () => {
      throw new Error('an in-process store is asked by decideNow');
    },
    decideNow(key, limits, op): LimiterAnswerNow {
      const { record, result } = decideStep(records.get(key), limits, [op], clock.nowUs());
      if (record) records.set(key, record);
      else records.delete(key);
      const { nowUs, atUs } = result;
      return { ...(result.answers[0] as LimiterAnswerNow), nowUs, atUs };
    },
    close: async () => records.clear(),
  };
}

const ten = fixedWindow({ limit: 10, windowMs: 60_000 });

interface Rig {
  clock: ManualClock;
  store: ScriptedStore;
  spare: ReturnType<typeof inProcess>;
  limiter: Limiter;
  events: FallbackEvent[];
}

function rig(options: Partial<LimiterOptions> = {}, fallback?: Partial<FallbackOptions>): Rig {
  const clock = createManualClock();
  const store = new ScriptedStore(clock);
  const spare = inProcess(clock);
  const events: FallbackEvent[] = [];
  const limiter = createLimiter({
    name: 'api',
    store,
    limits: ten,
    clock,
    timeoutMs: 100,
    breaker: { failures: 2, openMs: 1000, maxOpenMs: 8000 },
    ...(fallback ? { fallback: { store: spare, ...fallback } } : {}),
    ...options,
    hooks: { onFallback: (event) => events.push(event) },
  });
  return { clock, store, spare, limiter, events };
}

async function open({ store, limiter }: Rig): Promise<void> {
  store.mode = 'fail';
  for (let i = 0; i < 2; i++) await limiter.consume('opener').catch(() => undefined);
}

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  process.off('unhandledRejection', note);
  if (unhandled.length > 0) throw new AggregateError(unhandled, 'a rejection was left unhandled');
});

describe('onStoreFailure', () => {
  it('throws the store’s error by default', async () => {
    const { store, limiter } = rig();
    store.mode = 'fail';
    await expect(limiter.consume('k')).rejects.toMatchObject({ code: 'HEADGATE_STORE', kind: 'connection' });
  });

  it('open admits and says so; closed refuses and says so; neither looks like a decision of the store', async () => {
    const openRig = rig({ onStoreFailure: 'open' });
    openRig.store.mode = 'fail';
    const admitted = await openRig.limiter.consume('k', { cost: 3 });
    expect(admitted).toMatchObject({ allowed: true, source: 'open', granted: 3, limit: 10 });
    expect(await openRig.limiter.refund(admitted)).toBe(0);
    const closedRig = rig({ onStoreFailure: 'closed' });
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
      const { store, limiter } = rig({ onStoreFailure });
      const decision = await limiter.consume('k');
      store.mode = 'fail';
      await expect(limiter.block('k', 1000)).rejects.toThrow(StoreError);
      await expect(limiter.penalize('k', { cost: 1 })).rejects.toThrow(StoreError);
      await expect(limiter.reset('k')).rejects.toThrow(StoreError);
      await expect(limiter.refund(decision)).rejects.toThrow(StoreError);
    }
  });

  it('survives a store that is away at start-up', async () => {
    const { clock, store, limiter } = rig({}, {});
    store.mode = 'fail';
    expect((await limiter.consume('k')).source).toBe('fallback');
    store.mode = 'answer';
    await clock.advance(1000);
    expect((await limiter.consume('k')).source).toBe('store');
  });
});

describe('fallback', () => {
  it('admits this process’s share and no more, in the same window', async () => {
    const r = rig({}, { share: 1 / 3 });
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
    const r = rig({}, { share: 1 / 3 });
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
    const r = rig({ limits }, { share: 1 / 4 });
    await open(r);
    expect((await r.limiter.consume('k', { cost: 2 })).allowed).toBe(true);
    const refused = await r.limiter.consume('k');
    // One token at 7 per 12 s, to the microsecond.
    expect(refused).toHaveProperty('retryAfterMs', Math.ceil(12_000_000 / 7) / 1000);
    const large = tokenBucket({ capacity: 2 ** 41, refillTokens: 1, refillIntervalMs: 1 });
    expect(() => rig({ limits: large }, { share: 3 / 4 })).toThrow(/fallback\.share/);
  });

  it('keeps at least one unit of a small limit', async () => {
    const r = rig({ limits: fixedWindow({ limit: 2, windowMs: 1000 }) }, { share: 1 / 5 });
    await open(r);
    expect(await r.limiter.consume('k')).toMatchObject({ allowed: true, limit: 1 });
  });

  it('asks a fallback that prepares its decisions once for each policy', async () => {
    const clock = createManualClock();
    const spare = inProcess(clock);
    const prepared: string[] = [];
    const preparing: LimiterStore = {
      ...spare,
      decideNowFor(name, limits, make) {
        prepared.push(`${name} ${limits.map(({ limit }) => limit)}`);
        return (key, op) => make(key, spare.decideNow?.(key, limits, op) as LimiterAnswerNow);
      },
    };
    const { store, limiter } = rig({ clock, fallback: { store: preparing, share: 0.5 } });
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

describe('breaker', () => {
  it('opens after failures in a row; then nothing but probes reaches the store, and the first good one brings all back', async () => {
    const r = rig({}, {});
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
    const r = rig({}, {});
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
    const r = rig({ maxInFlight: 1 }, {});
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
    const r = rig({}, {});
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
    const r = rig({ onStoreFailure: 'open' });
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
    const r = rig({}, {});
    for (let i = 0; i < 4; i++) {
      r.store.mode = 'fail';
      await r.limiter.consume('k');
      r.store.mode = 'answer';
      await r.limiter.consume('k');
    }
    expect(r.events).toEqual([]);
  });
});

describe('a lost reply', () => {
  it('is not sent again: it counts once in the store and once in the fallback', async () => {
    const r = rig({}, {});
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

/** Brings the store of an opened rig back and lets the reconciliation run. */
async function recover({ store, clock, limiter }: Rig): Promise<void> {
  store.mode = 'answer';
  await clock.advance(1000);
  await limiter.consume('probe');
  await clock.advance(0);
}

describe('reconcile', () => {
  it('charges the store once with what the fallback admitted unsent and still holds', async () => {
    const r = rig({}, { reconcile: true });
    await open(r);
    for (let i = 0; i < 3; i++) await r.limiter.consume('k', { cost: 2 });
    const refunded = await r.limiter.consume('k', { cost: 1 });
    await r.limiter.refund(refunded);
    r.store.mode = 'answer';
    await r.clock.advance(1000);
    await r.limiter.consume('probe');
    await r.clock.advance(0);
    expect(await r.limiter.peek('k')).toMatchObject({ source: 'store', remaining: 4 });
    // The calls that opened the breaker had been sent, so they may have been charged already.
    expect(await r.limiter.peek('opener')).toMatchObject({ remaining: 10 });
    expect(r.events.at(-1)).toMatchObject({ direction: 'recover', reconciledUnits: 6 });
    await open(r);
    r.store.mode = 'answer';
    await r.clock.advance(1000);
    await r.limiter.consume('probe');
    await r.clock.advance(0);
    expect(await r.limiter.peek('k')).toMatchObject({ source: 'store', remaining: 4 });
  });

  it('charges each limit with what its own window still holds', async () => {
    const limits = [
      fixedWindow({ name: 'second', limit: 5, windowMs: 1000 }),
      fixedWindow({ name: 'hour', limit: 50, windowMs: 3_600_000 }),
    ];
    const r = rig({ limits }, { reconcile: true });
    await open(r);
    await r.limiter.consume('k', { cost: 5 });
    r.store.mode = 'answer';
    await r.clock.advance(1000);
    await r.limiter.consume('probe');
    await r.clock.advance(0);
    const { policies } = await r.limiter.peek('k');
    expect(policies.map(({ name, remaining }) => [name, remaining])).toEqual([
      ['second', 5],
      ['hour', 45],
    ]);
  });

  it('does not try again when the store goes away once more, and still reports the recovery before the next outage', async () => {
    const r = rig({ breaker: { failures: 1, openMs: 1000 } }, { reconcile: true });
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
    const r = rig({}, { reconcile: true });
    r.store.mode = 'fail';
    const sent = await r.limiter.consume('k', { cost: 4 });
    await r.limiter.consume('opener');
    await r.limiter.consume('k', { cost: 3 });
    expect(await r.limiter.refund(sent)).toBe(4);
    await recover(r);
    expect(await r.limiter.peek('k')).toMatchObject({ source: 'store', remaining: 7 });
  });

  it('keeps what this outage admitted when a call of an earlier one, long charged, is refunded', async () => {
    const r = rig({}, { reconcile: true });
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
  const openRig = async (limits: Limit): Promise<Rig> => {
    const r = rig({ limits }, { reconcile: true });
    await r.clock.advance(10_000 - ((r.clock.nowUs() / 1000) % 10_000));
    await open(r);
    return r;
  };
  const chargedTo = async ({ limiter }: Rig): Promise<number> => 10 - (await limiter.peek('k')).remaining;

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

describe('reset', () => {
  it('forgets the key in the fallback too', async () => {
    const r = rig({}, {});
    r.store.mode = 'fail';
    await r.limiter.consume('k', { cost: 10 });
    r.store.mode = 'answer';
    await r.limiter.reset('k');
    r.store.mode = 'fail';
    expect((await r.limiter.consume('k', { cost: 10 })).allowed).toBe(true);
  });
});
