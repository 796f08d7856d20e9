import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideStep } from './decide.js';
import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from './limit.js';
import { convertState, entryFreshAtUs, openState } from './record.js';
import type { LimiterOp } from './contract.js';
import type { Limit } from './limit.js';
import type { LimiterRecord } from './record.js';

const epochUs = 1_795_359_133_344_567;

function after(limits: Limit | readonly Limit[], ...ops: LimiterOp[]): LimiterRecord {
  const list = 'kind' in limits ? [limits] : limits;
  return decideStep(undefined, list, ops, epochUs).record as LimiterRecord;
}

function remaining(record: LimiterRecord | undefined, limits: readonly Limit[], nowUs: number): (number | undefined)[] {
  const { answers } = decideStep(record, limits, [{ kind: 'peek', cost: 0 }], nowUs).result;
  return (answers[0]?.readings ?? []).map((reading) => reading.remaining);
}

const take = (cost: number): LimiterOp => ({ kind: 'consume', cost });

describe('a limit whose parameters changed', () => {
  it('bucket to bucket: what is missing stays missing, and refills at the new rate from the last write on', () => {
    const old = tokenBucket({ capacity: 10, refillTokens: 7, refillIntervalMs: 3000 });
    const larger = tokenBucket({ capacity: 20, refillTokens: 1, refillIntervalMs: 1000 });
    const record = after(old, take(6));
    expect(remaining(record, [larger], epochUs)).toEqual([14]);
    expect(remaining(record, [larger], epochUs + 1_000_000)).toEqual([15]);
    const smaller = tokenBucket({ capacity: 2, refillTokens: 1, refillIntervalMs: 1000 });
    const { result } = decideStep(record, [smaller], [take(1)], epochUs);
    // Six spent of two are a debt, at most one whole limit deep: three seconds to the first token, unless the old bucket is full sooner.
    expect(result.answers[0]).toMatchObject({ allowed: false, retryAtUs: epochUs + Math.ceil(18_000_000 / 7) });
  });

  it('a window of the same length keeps its count under a new limit', () => {
    const record = after(fixedWindow({ limit: 10, windowMs: 1000 }), take(4));
    expect(remaining(record, [fixedWindow({ limit: 6, windowMs: 1000 })], epochUs + 999_999)).toEqual([2]);
    expect(remaining(record, [fixedWindow({ limit: 6, windowMs: 1000 })], epochUs + 1_000_000)).toEqual([6]);
  });

  it('any other change charges what is used, at the last write', () => {
    const record = after(slidingLog({ limit: 10, windowMs: 60_000 }), take(4));
    expect(remaining(record, [fixedWindow({ limit: 10, windowMs: 1000 })], epochUs)).toEqual([6]);
    expect(remaining(record, [tokenBucket({ capacity: 10, refillIntervalMs: 10_000 })], epochUs + 2_000_000)).toEqual([
      8,
    ]);
  });

  it('is fresh at the latest when the old limit would have been', () => {
    const record = after(fixedWindow({ limit: 10, windowMs: 1000 }), take(10));
    const slow = fixedWindow({ limit: 10, windowMs: 3_600_000 });
    expect(remaining(record, [slow], epochUs + 999_999)).toEqual([0]);
    expect(remaining(record, [slow], epochUs + 1_000_000)).toEqual([10]);
    const { result } = decideStep(record, [slow], [take(1)], epochUs + 1);
    expect(result.answers[0]).toMatchObject({ allowed: false, retryAtUs: epochUs + 1_000_000 });
  });

  it('that is no longer asked for stays until it is fresh, whatever else is charged', () => {
    const hour = fixedWindow({ name: 'hour', limit: 10, windowMs: 3_600_000 });
    const minute = fixedWindow({ name: 'minute', limit: 5, windowMs: 60_000 });
    const first = after(hour, take(7));
    const second = decideStep(first, [minute], [take(1)], epochUs + 1).record;
    expect(remaining(second, [hour, minute], epochUs + 2)).toEqual([3, 4]);
    const third = decideStep(second, [minute], [take(1)], epochUs + 3_600_000_000).record;
    expect(third?.entries.map(({ limit }) => limit.name)).toEqual(['minute']);
  });
});

const options = fc.record({ limit: fc.integer({ min: 1, max: 100 }), windowMs: fc.integer({ min: 1, max: 10_000 }) });
const anyLimit: fc.Arbitrary<Limit> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 10_000 }))
    .map(
      ([capacity, refillTokens, refillIntervalMs]): Limit => tokenBucket({ capacity, refillTokens, refillIntervalMs }),
    ),
  options.map((o): Limit => fixedWindow(o)),
  options.map((o): Limit => fixedWindow({ ...o, aligned: true })),
  options.map((o): Limit => slidingWindow(o)),
  options.map((o): Limit => slidingLog(o)),
);

describe('conversion between any two limits', () => {
  it('hands out nothing that was spent: never more is left than the new limit less what was used', {
    timeout: 60_000,
  }, () => {
    fc.assert(
      fc.property(anyLimit, anyLimit, fc.integer({ min: 1, max: 200 }), (from, to, cost) => {
        const record = after(from, { kind: 'penalize', cost });
        const used = Math.min(cost, 2 * from.limit);
        expect(remaining(record, [to], epochUs)).toEqual([Math.max(0, to.limit - used)]);
      }),
    );
  });

  it('leaves a state alone when nothing changed', () => {
    fc.assert(
      fc.property(anyLimit, fc.integer({ min: 1, max: 100 }), (limit, cost) => {
        const record = after(limit, { kind: 'penalize', cost });
        const entry = record.entries[0] as LimiterRecord['entries'][number];
        expect(convertState(limit, { ...limit }, entry.state, epochUs)).toEqual(entry.state);
        expect(openState(record, { ...limit }, epochUs)).toEqual({ state: entry.state, freshByUs: Infinity });
        expect(entryFreshAtUs(entry, epochUs)).toBeGreaterThan(epochUs);
      }),
    );
  });
});
