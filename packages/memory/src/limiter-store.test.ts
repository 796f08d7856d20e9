import { createManualClock, fixedWindow, slidingLog, StoreFullError, tokenBucket } from '@headgate/core';
import { describe, expect, it } from 'vitest';
import { memoryLimiterStore } from './index.js';
import type { LimiterOp, StoreKeysEvent } from '@headgate/core';

const bucket = tokenBucket({ capacity: 10, refillIntervalMs: 1000 });
const take: LimiterOp = { kind: 'consume', cost: 1 };
const drain: LimiterOp = { kind: 'consume', cost: 10 };

describe('capacity', () => {
  it('refuses a new key while every record is live, and still serves the known ones', () => {
    const store = memoryLimiterStore({ clock: createManualClock(), maxKeys: 3 });
    for (const key of ['a', 'b', 'c']) store.decideNow(key, [bucket], drain);
    expect(() => store.decideNow('d', [bucket], take)).toThrow(StoreFullError);
    expect(store.size).toBe(3);
    for (const key of ['a', 'b', 'c']) expect(store.decideNow(key, [bucket], take).allowed).toBe(false);
    expect(store.decideNow('d', [bucket], { kind: 'peek', cost: 1 }).allowed).toBe(true);
  });

  it('takes a new key as soon as one record equals a fresh one, wherever it is', async () => {
    const clock = createManualClock();
    const store = memoryLimiterStore({ clock, maxKeys: 1000 });
    for (let i = 0; i < 1000; i++) store.decideNow(`k${i}`, [bucket], i === 777 ? take : drain);
    await clock.advance(99.999);
    expect(() => store.decideNow('new', [bucket], take)).toThrow(StoreFullError);
    await clock.advance(0.001);
    expect(store.decideNow('new', [bucket], take)).toMatchObject({ allowed: true, remaining: 9 });
    expect(store.size).toBe(1000);
    expect(store.decideNow('k776', [bucket], drain).allowed).toBe(false);
  });

  it('gives a charged key a later turn instead of forgetting it', async () => {
    const clock = createManualClock();
    const store = memoryLimiterStore({ clock, maxKeys: 2 });
    store.decideNow('a', [bucket], take);
    store.decideNow('b', [bucket], drain);
    await clock.advance(50);
    store.decideNow('a', [bucket], { kind: 'consume', cost: 9 });
    await clock.advance(100);
    expect(() => store.decideNow('c', [bucket], take)).toThrow(StoreFullError);
    expect(store.decideNow('a', [bucket], { kind: 'peek', cost: 1 }).remaining).toBe(1);
  });

  it('answers the full key alone with an error in a batch', async () => {
    const store = memoryLimiterStore({ clock: createManualClock(), maxKeys: 1 });
    const results = await store.decide([
      { key: 'a', limits: [bucket], ops: [take] },
      { key: 'b', limits: [bucket], ops: [take, take] },
      { key: 'a', limits: [bucket], ops: [take, take] },
    ]);
    expect(results).toMatchObject([
      { answers: [{ allowed: true }] },
      { error: { code: 'HEADGATE_STORE_FULL' } },
      { answers: [{ remaining: 8 }, { remaining: 7 }] },
    ]);
  });

  it('by option evicts the oldest key that is not blocked, and counts it', () => {
    const events: StoreKeysEvent[] = [];
    const clock = createManualClock();
    const hooks = { onStoreKeys: (event: StoreKeysEvent) => events.push(event) };
    const store = memoryLimiterStore({ clock, maxKeys: 3, whenFull: 'evict-oldest', hooks });
    store.decideNow('x:a', [bucket], { kind: 'block', forUs: 1_000_000 });
    store.decideNow('x:b', [bucket], drain);
    store.decideNow('x:c', [bucket], drain);
    store.decideNow('x:d', [bucket], take);
    expect(store.decideNow('x:b', [bucket], { kind: 'peek', cost: 1 }).remaining).toBe(10);
    expect(store.decideNow('x:a', [bucket], take).reason).toBe('blocked');
    expect(store.decideNow('x:c', [bucket], take).allowed).toBe(false);
    expect(events).toContainEqual({ store: 'memory', keys: 2, evicted: { reason: 'capacity', count: 1 } });
    store.decideNow('x:c', [bucket], { kind: 'block', forUs: 1_000_000 });
    store.decideNow('x:d', [bucket], { kind: 'block', forUs: 1_000_000 });
    expect(() => store.decideNow('x:e', [bucket], take)).toThrow(StoreFullError);
  });

  it('evicts in order of age over many rounds', () => {
    const store = memoryLimiterStore({ clock: createManualClock(), maxKeys: 100, whenFull: 'evict-oldest' });
    for (let i = 0; i < 1000; i++) {
      store.decideNow(`k${i}`, [bucket], drain);
      if (i < 100) continue;
      expect(store.decideNow(`k${i - 100}`, [bucket], { kind: 'peek', cost: 1 }).remaining).toBe(10);
      expect(store.decideNow(`k${i - 99}`, [bucket], { kind: 'peek', cost: 1 }).remaining).toBe(0);
    }
    expect(store.size).toBe(100);
  });
});

describe('clean-up', () => {
  it('removes every fresh record within the stated lag, without calls, and then keeps no timer', async () => {
    const clock = createManualClock();
    const store = memoryLimiterStore({ clock, sweepIntervalMs: 5000 });
    for (let i = 0; i < 25_000; i++) store.decideNow(`k${i}`, [bucket], take);
    store.decideNow('late', [fixedWindow({ limit: 1, windowMs: 7000 })], take);
    expect(clock.referencedTimers).toBe(0);
    await clock.advance(store.capabilities.removalLagMs);
    expect(store.size).toBe(1);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(5000);
    expect(store.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    expect(store.decideNow('k1', [bucket], take)).toMatchObject({ allowed: true, remaining: 9 });
  });

  it('removes a record that a refund or a reset made fresh before its time', async () => {
    const clock = createManualClock();
    const store = memoryLimiterStore({ clock, maxKeys: 2 });
    const { atUs } = store.decideNow('a', [bucket], drain);
    store.decideNow('b', [bucket], drain);
    store.decideNow('a', [bucket], { kind: 'refund', cost: 10, atUs });
    store.decideNow('b', [bucket], { kind: 'reset' });
    expect(store.size).toBe(0);
    store.decideNow('a', [bucket], drain);
    store.decideNow('b', [bucket], drain);
    store.decideNow('b', [bucket], { kind: 'refund', cost: 9, atUs });
    await clock.advance(100);
    expect(store.decideNow('c', [bucket], take).allowed).toBe(true);
    expect(store.decideNow('a', [bucket], drain).allowed).toBe(false);
  });

  it('keeps a denial and a peek from leaving anything behind', () => {
    const store = memoryLimiterStore({ clock: createManualClock() });
    store.decideNow('a', [bucket], { kind: 'peek', cost: 1 });
    store.decideNow('a', [bucket], { kind: 'consume', cost: 11 });
    store.decideNow('b', [slidingLog({ limit: 1, windowMs: 1 })], { kind: 'peek', cost: 1 });
    expect(store.size).toBe(0);
  });
});

it('dates a sliding log and a new key by the moment, whatever work goes before it in the same turn', async () => {
  const busy = tokenBucket({ capacity: 1, refillIntervalMs: 1000 });
  const windowMs = 50;
  const workMs = 3;
  for (const limit of [slidingLog({ limit: 1, windowMs }), fixedWindow({ limit: 1, windowMs })]) {
    const store = memoryLimiterStore();
    // Within a burst up to 16 calls share a read: at each place among them some work, then a charge.
    for (let place = 0; place < 32; place++) {
      for (let i = 0; i < 5000 + place; i++) store.decideNow('busy', [busy], take);
      const untilMs = performance.now() + workMs;
      while (performance.now() < untilMs);
      const beganUs = Date.now() * 1000;
      const { allowed, nowUs } = store.decideNow(`new ${place}`, [limit], take);
      expect(allowed).toBe(true);
      expect(nowUs).toBeGreaterThanOrEqual(beganUs);
    }
    await store.close();
  }
});

describe('keys', () => {
  it('tells keys apart whatever they hold', () => {
    const store = memoryLimiterStore({ clock: createManualClock() });
    const keys = ['a', ':a', 'a:', 'a:b', 'a:b:c', 'a::b', '__proto__', 'constructor', '\u0000', '{a}', '::', ':'];
    keys.forEach((key, i) =>
      store.decideNow(key, [fixedWindow({ limit: 100, windowMs: 1000 })], { kind: 'consume', cost: i + 1 }),
    );
    const left = keys.map(
      (key) => store.decideNow(key, [fixedWindow({ limit: 100, windowMs: 1000 })], { kind: 'peek', cost: 1 }).remaining,
    );
    expect(left).toEqual(keys.map((_, i) => 99 - i));
  });

  it('decides one record through all three doors', async () => {
    const store = memoryLimiterStore({ clock: createManualClock() });
    const decideApi = store.decideNowFor('api', [bucket], (_key, answer) => answer);
    expect(decideApi('u:1', take).remaining).toBe(9);
    expect(store.decideNow('api:u:1', [bucket], take).remaining).toBe(8);
    expect(await store.decide([{ key: 'api:u:1', limits: [bucket], ops: [take] }])).toMatchObject([
      { answers: [{ remaining: 7 }] },
    ]);
    store.decideNow('api:u:1', [bucket], { kind: 'reset' });
    expect(decideApi('u:1', take).remaining).toBe(9);
    expect(store.size).toBe(1);
  });
});

it('refuses charges after close, and has no timer left', async () => {
  const clock = createManualClock();
  const store = memoryLimiterStore({ clock });
  store.decideNow('a', [bucket], take);
  await store.close();
  await store.close();
  expect(clock.pendingTimers).toBe(0);
  expect(() => store.decideNow('a', [bucket], take)).toThrow(expect.objectContaining({ code: 'HEADGATE_CLOSED' }));
  await expect(store.decide([{ key: 'a', limits: [bucket], ops: [take] }])).rejects.toMatchObject({
    code: 'HEADGATE_CLOSED',
  });
});

it('leaves a decision as it is when a hook throws', () => {
  const errors: unknown[] = [];
  const hooks = {
    onStoreKeys: () => {
      throw new Error('hook');
    },
    onHookError: (event: unknown) => errors.push(event),
  };
  const store = memoryLimiterStore({ clock: createManualClock(), hooks });
  expect(store.decideNow('a', [bucket], take).allowed).toBe(true);
  expect(errors).toHaveLength(1);
});

it.each([
  { maxKeys: 0 },
  { maxKeys: 1.5 },
  { maxKeys: Number.NaN },
  { maxKeys: 2 ** 23 + 1 },
  { sweepIntervalMs: 0 },
  { sweepIntervalMs: 2 ** 31 },
  { whenFull: 'evict' as 'refuse' },
])('refuses the option %j by name', (options) => {
  expect(() => memoryLimiterStore(options)).toThrow(
    expect.objectContaining({
      code: 'HEADGATE_INVALID_ARGUMENT',
      message: expect.stringContaining(Object.keys(options)[0] as string),
    }),
  );
});
