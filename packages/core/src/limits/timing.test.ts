import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideStep } from './decide.js';
import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from './limit.js';
import { recordFreshAtUs } from './record.js';
import type { LimiterAnswer, LimiterOp } from './contract.js';
import type { Limit } from './limit.js';
import type { LimiterRecord } from './record.js';

const epochUs = 1_795_359_133_344_567;

const bucket = fc
  .record({
    capacity: fc.integer({ min: 1, max: 50 }),
    refillTokens: fc.integer({ min: 1, max: 50 }),
    refillIntervalMs: fc.integer({ min: 1, max: 5000 }),
  })
  .map((options): Limit => tokenBucket(options));
const windowOptions = fc.record({
  limit: fc.integer({ min: 1, max: 50 }),
  windowMs: fc.integer({ min: 1, max: 5000 }),
});
const anyLimit = fc.oneof(
  bucket,
  fc.tuple(windowOptions, fc.boolean()).map(([options, aligned]): Limit => fixedWindow({ ...options, aligned })),
  windowOptions.map((options): Limit => slidingWindow(options)),
  windowOptions.map((options): Limit => slidingLog(options)),
);
const op: fc.Arbitrary<LimiterOp> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('consume' as const), cost: fc.integer({ min: 0, max: 60 }) }) },
  fc.record({ kind: fc.constant('consumeUpTo' as const), cost: fc.integer({ min: 0, max: 60 }) }),
  fc.record({ kind: fc.constant('penalize' as const), cost: fc.integer({ min: 0, max: 200 }) }),
  fc.record({ kind: fc.constant('block' as const), forUs: fc.integer({ min: 0, max: 3_000_000 }) }),
);
const history = fc.array(fc.record({ gapUs: fc.integer({ min: 0, max: 2_000_000 }), op }), { maxLength: 12 });

interface State {
  limits: Limit[];
  record: LimiterRecord | undefined;
  nowUs: number;
}

const anyState: fc.Arbitrary<State> = fc
  .tuple(fc.array(anyLimit, { minLength: 1, maxLength: 3 }), history)
  .map(([list, steps]) => {
    const limits = list.map((limit, i): Limit => ({ ...limit, name: `l${i}` }));
    let record: LimiterRecord | undefined;
    let nowUs = epochUs;
    for (const step of steps) {
      nowUs += step.gapUs;
      record = decideStep(record, limits, [step.op], nowUs).record;
    }
    return { limits, record, nowUs };
  });

const ask = ({ limits, record }: State, asked: LimiterOp, nowUs: number): LimiterAnswer =>
  decideStep(record, limits, [asked], nowUs).result.answers[0] as LimiterAnswer;

/** Runs with a fresh seed, which fast-check prints on failure together with the shrunken case. */
const runs = { numRuns: 1000 };

// Half a second each on an idle machine; the bound is for one that runs much else.
describe('random states of all four algorithms, one to three limits', { timeout: 60_000 }, () => {
  it('retryAt is exact: the call succeeds then, and one tick earlier it does not', () => {
    fc.assert(
      fc.property(anyState, fc.integer({ min: 1, max: 50 }), (state, cost) => {
        const asked: LimiterOp = { kind: 'consume', cost };
        const denied = ask(state, asked, state.nowUs);
        if (denied.allowed) return;
        if (denied.reason === 'capacity') {
          expect(denied.retryAtUs).toBe(Infinity);
          expect(state.limits.some(({ limit }) => cost > limit)).toBe(true);
          return;
        }
        expect(denied.retryAtUs).toBeGreaterThan(state.nowUs);
        expect(ask(state, asked, denied.retryAtUs).allowed).toBe(true);
        expect(ask(state, asked, denied.retryAtUs - 1).allowed).toBe(false);
      }),
      runs,
    );
  });

  it('resetAt is exact: the record is gone then, and one tick earlier it differs from a fresh one', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        if (!state.record || recordFreshAtUs(state.record) <= state.nowUs) return;
        const freshAtUs = recordFreshAtUs(state.record);
        expect(ask(state, { kind: 'peek', cost: 0 }, state.nowUs).resetAtUs).toBe(freshAtUs);
        expect(decideStep(state.record, state.limits, [{ kind: 'peek', cost: 0 }], freshAtUs).record).toBeUndefined();
        expect(decideStep(state.record, state.limits, [{ kind: 'peek', cost: 0 }], freshAtUs - 1).record).toBeDefined();
      }),
      runs,
    );
  });

  it('each reading’s resetAt is the tick from which that limit has its whole self again', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const { readings } = ask(state, { kind: 'peek', cost: 0 }, state.nowUs);
        const latest = Math.max(...(readings ?? []).map(({ resetAtUs }) => resetAtUs));
        const whole = ask(state, { kind: 'peek', cost: 0 }, Math.max(latest, state.record?.blockedUntilUs ?? 0));
        expect(whole.readings?.map(({ remaining }) => remaining)).toEqual(state.limits.map(({ limit }) => limit));
      }),
      runs,
    );
  });

  it('remaining is what can be had: that much is admitted, one more is not', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const { remaining } = ask(state, { kind: 'peek', cost: 0 }, state.nowUs);
        if (remaining > 0) expect(ask(state, { kind: 'consume', cost: remaining }, state.nowUs).allowed).toBe(true);
        expect(ask(state, { kind: 'consume', cost: remaining + 1 }, state.nowUs).allowed).toBe(false);
        const granted = ask(state, { kind: 'consumeUpTo', cost: 1000 }, state.nowUs);
        expect(granted.allowed ? granted.granted : 0).toBe(remaining);
      }),
      runs,
    );
  });

  it('a denial and a peek change nothing, whatever the clock says', () => {
    fc.assert(
      fc.property(
        anyState,
        fc.integer({ min: -2_000_000, max: 2_000_000 }),
        fc.integer({ min: 1, max: 60 }),
        (state, shiftUs, cost) => {
          for (const kind of ['peek', 'consume'] as const) {
            const { changed, record, result } = decideStep(
              state.record,
              state.limits,
              [{ kind, cost }],
              state.nowUs + shiftUs,
            );
            if (kind === 'consume' && result.answers[0]?.allowed) continue;
            expect(changed).toBe(false);
            if (record) expect(record).toBe(state.record);
          }
        },
      ),
      runs,
    );
  });

  it('a clock that steps back re-opens nothing', () => {
    fc.assert(
      fc.property(anyState, fc.integer({ min: 0, max: 10_000_000 }), (state, backUs) => {
        const lastUs = state.record?.lastUs ?? state.nowUs;
        const before = ask(state, { kind: 'peek', cost: 0 }, lastUs).remaining;
        expect(ask(state, { kind: 'peek', cost: 0 }, lastUs - backUs).remaining).toBe(before);
      }),
      runs,
    );
  });

  it('refunds of all that was charged leave the key as if it had not been asked', () => {
    fc.assert(
      fc.property(
        fc.array(anyLimit, { minLength: 1, maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 6 }),
        (list, costs) => {
          const limits = list.map((limit, i): Limit => ({ ...limit, name: `l${i}` }));
          let record: LimiterRecord | undefined;
          const charged: number[] = [];
          for (const cost of costs) {
            const { record: after, result } = decideStep(record, limits, [{ kind: 'consume', cost }], epochUs);
            record = after;
            if (result.answers[0]?.allowed) charged.push(cost);
          }
          for (const cost of charged) {
            const { record: after, result } = decideStep(
              record,
              limits,
              [{ kind: 'refund', cost, atUs: epochUs }],
              epochUs,
            );
            expect(result.answers[0]?.granted).toBe(cost);
            record = after;
          }
          expect(record).toBeUndefined();
        },
      ),
      runs,
    );
  });
});
