import { describe, expect, it } from 'vitest';
import { InvalidArgumentError, RecordVersionError, StoreContendedError, StoreError } from '../errors.js';
import { createManualClock } from '../manual-clock.js';
import { casLimiterStore } from './cas-store.js';
import { tokenBucket } from './limit.js';
import type { CasLimiterStoreOptions } from './cas-store.js';
import type { LimiterDecided, LimiterOp, LimiterStore } from './contract.js';

const limits = [tokenBucket({ capacity: 3, refillIntervalMs: 3000 })];

function medium(): { rows: Map<string, { text: string; version: number }>; writes: number } & Pick<
  CasLimiterStoreOptions<number>,
  'load' | 'swap'
> {
  const rows = new Map<string, { text: string; version: number }>();
  return {
    rows,
    writes: 0,
    load: async (key) => rows.get(key),
    async swap(key, { expected, text }) {
      const row = rows.get(key);
      if (row?.version !== expected) return false;
      this.writes++;
      if (text === undefined) rows.delete(key);
      else rows.set(key, { text, version: (row?.version ?? 0) + 1 });
      return true;
    },
  };
}

async function decide(store: LimiterStore, ...ops: LimiterOp[]): Promise<LimiterDecided> {
  const [result] = await store.decide([{ key: 'a:k', limits, ops }], {});
  if (!result || 'error' in result) throw result?.error ?? new Error('no result');
  return result;
}

describe('casLimiterStore', () => {
  it('decides as decideStep does, and a denial writes nothing', async () => {
    const clock = createManualClock();
    const data = medium();
    const store = casLimiterStore({ name: 'cas', clock, load: data.load, swap: data.swap.bind(data) });
    const first = await decide(
      store,
      { kind: 'consume', cost: 2 },
      { kind: 'consume', cost: 2 },
      { kind: 'consume', cost: 1 },
    );
    expect(first.answers.map(({ allowed }) => allowed)).toEqual([true, false, true]);
    expect(data.writes).toBe(1);
    const denied = await decide(store, { kind: 'consume', cost: 1 });
    expect(denied.answers[0]).toMatchObject({ allowed: false, retryAtUs: clock.nowUs() + 1_000_000 });
    expect(data.writes).toBe(1);
    await decide(store, { kind: 'reset' });
    expect(data.rows.size).toBe(0);
    await decide(store, { kind: 'reset' });
    expect(data.writes).toBe(2);
  });

  it('admits exactly the capacity to racing stores over one medium', async () => {
    const data = medium();
    const clock = createManualClock();
    const stores = [1, 2, 3, 4].map(() =>
      casLimiterStore({ name: 'cas', clock, load: data.load, swap: data.swap.bind(data) }),
    );
    const racing = Promise.all(
      stores.flatMap((store) => [1, 2].map(() => decide(store, { kind: 'consume', cost: 1 }))),
    );
    await clock.advance(1);
    for (let i = 0; i < 20; i++) await clock.advance(20);
    const admitted = (await racing).filter(({ answers }) => answers[0]?.allowed);
    // 401 ms refill less than one token.
    expect(admitted).toHaveLength(3);
  });

  it('gives up after its bounded attempts with StoreContendedError', async () => {
    const clock = createManualClock();
    let swaps = 0;
    const store = casLimiterStore({
      name: 'cas',
      clock,
      maxAttempts: 4,
      load: async () => undefined,
      swap: async () => {
        swaps++;
        return false;
      },
    });
    const contended = decide(store, { kind: 'consume', cost: 1 }).catch((error: unknown) => error);
    await clock.advance(0);
    // A process whose medium has nothing else open must not end in the middle of a charge.
    expect(clock.referencedTimers).toBe(1);
    await clock.advance(500);
    const error = await contended;
    expect(error).toBeInstanceOf(StoreContendedError);
    expect(error).toMatchObject({ attempts: 4, kind: 'contended' });
    expect(swaps).toBe(4);
    expect(clock.pendingTimers).toBe(0);
  });

  it('hands on a failed swap without repeating it, and leaves a foreign record untouched', async () => {
    let swaps = 0;
    const failing = casLimiterStore({
      name: 'cas',
      load: async () => undefined,
      swap: async () => {
        swaps++;
        throw new Error('lost reply');
      },
    });
    await expect(decide(failing, { kind: 'consume', cost: 1 })).rejects.toThrow(StoreError);
    expect(swaps).toBe(1);
    const data = medium();
    data.rows.set('a:k', { text: '[7,1,1,[]]', version: 1 });
    const store = casLimiterStore({ name: 'cas', load: data.load, swap: data.swap.bind(data) });
    await expect(decide(store, { kind: 'reset' })).rejects.toThrow(RecordVersionError);
    expect(data.writes).toBe(0);
  });

  it.each([undefined, 1, 0])('takes a swap that resolves to %s for a failure, not for a verdict', async (verdict) => {
    const store = casLimiterStore({ name: 'cas', load: medium().load, swap: async () => verdict as never });
    await expect(decide(store, { kind: 'consume', cost: 1 })).rejects.toThrow(
      `Expected \`swap\` to resolve to true or false, got ${verdict}`,
    );
  });

  it('refuses options that cannot work', () => {
    const good = { name: 'cas', load: async () => undefined, swap: async () => true };
    expect(() => casLimiterStore({ ...good, name: 'a b' })).toThrow(InvalidArgumentError);
    expect(() => casLimiterStore({ ...good, maxAttempts: 0 })).toThrow(/maxAttempts/);
    expect(() => casLimiterStore({ ...good, load: 3 as never })).toThrow(/load/);
  });
});
