import { decideStep, openState } from '@headgate/core';
import { altering, broken, operationwise } from './broken-store.js';
import type { Limit, LimiterAnswer, LimiterRecord } from '@headgate/core';
import type { Decide } from '../reference-limiter-store.js';
import type { BrokenStore } from './broken-store.js';

/** Decides by limits that were misunderstood. */
const mistaking =
  (change: (limit: Limit) => Limit): BrokenStore['make'] =>
  () =>
    broken({ decide: (record, limits, ops, nowUs) => decideStep(record, limits.map(change), ops, nowUs) });

/** Changes the record that is read. */
const reading =
  (change: (record: LimiterRecord, nowUs: number) => LimiterRecord | undefined): BrokenStore['make'] =>
  () =>
    broken({ decide: (record, limits, ops, nowUs) => decideStep(record && change(record, nowUs), limits, ops, nowUs) });

const answering =
  (change: (answer: LimiterAnswer) => LimiterAnswer): BrokenStore['make'] =>
  () =>
    broken({ decide: altering(change) });

/** Rounds every token bucket that is stored. */
const roundingLevels = (round: (tokens: number) => number): Decide =>
  operationwise((record, limits, ops, nowUs) => {
    const outcome = decideStep(record, limits, ops, nowUs);
    if (!outcome.record) return outcome;
    const entries = outcome.record.entries.map(({ limit, state: [level = 0, atUs = 0, ...rest] }) =>
      limit.kind === 'tokenBucket'
        ? { limit, state: [round(level / limit.unitsPerToken) * limit.unitsPerToken, atUs] }
        : { limit, state: [level, atUs, ...rest] },
    );
    return { ...outcome, record: { ...outcome.record, entries } };
  });

/** Faults in when things happen. */
export const timingFaults: readonly BrokenStore[] = [
  {
    fault: 'a window shorter than a second never expires',
    caughtBy: 'time/short-windows-end',
    make: mistaking((limit) =>
      'windowUs' in limit && limit.windowUs < 1_000_000 ? { ...limit, windowUs: 2 ** 49 } : limit,
    ),
  },
  {
    fault: 'a 30-day window fires at once',
    caughtBy: 'time/long-windows-hold',
    make: mistaking((limit) =>
      'windowUs' in limit && limit.windowMs > 2 ** 31 - 1 ? { ...limit, windowUs: 1000 } : limit,
    ),
  },
  {
    fault: 'retryAfter is floored to seconds',
    caughtBy: 'time/retry-is-the-first-instant',
    make: answering((answer) =>
      answer.reason === 'quota' ? { ...answer, retryAtUs: Math.floor(answer.retryAtUs / 1e6) * 1e6 } : answer,
    ),
  },
  {
    fault: 'retryAfter is rounded up to seconds',
    caughtBy: 'time/retry-is-the-first-instant',
    make: answering((answer) =>
      answer.reason === 'quota' ? { ...answer, retryAtUs: Math.ceil(answer.retryAtUs / 1e6) * 1e6 + 1e6 } : answer,
    ),
  },
  {
    fault: 'a record is dropped a millisecond too soon',
    caughtBy: 'time/reset-is-fresh',
    make: reading((record, nowUs) => (decideStep(record, [], [], nowUs + 1000).record ? record : undefined)),
  },
  {
    fault: 'records expire by another clock, an hour ahead',
    caughtBy: 'time/long-windows-hold',
    make: reading((record, nowUs) => (record.lastUs + 3_600_000_000 < nowUs + 3_600_000_000 ? undefined : record)),
  },
  {
    fault: 'a token bucket drifts: levels are stored as whole tokens',
    caughtBy: 'time/no-drift',
    make: () => broken({ decide: roundingLevels(Math.floor) }),
  },
  {
    fault: 'a token bucket drifts: levels are stored with three decimals',
    caughtBy: 'time/no-drift',
    make: () => broken({ decide: roundingLevels((tokens) => Math.round(tokens * 1000) / 1000) }),
  },
  {
    fault: 'idle time is saved up beyond a full bucket',
    caughtBy: 'time/idle-is-not-saved-up',
    make: answering((answer) =>
      answer.resetAtUs > 1_790_000_000_000_000 ? { ...answer, remaining: answer.remaining + 5 } : answer,
    ),
  },
  {
    fault: 'the refill is a little slow',
    caughtBy: 'time/steady-demand',
    make: mistaking((limit) =>
      limit.kind === 'tokenBucket' && limit.limit === 1 ? { ...limit, unitsPerToken: limit.unitsPerToken + 1 } : limit,
    ),
  },
  {
    fault: 'a clock that steps back re-opens a window',
    caughtBy: 'time/clock-steps-back',
    make: reading((record, nowUs) => (record.lastUs > nowUs ? undefined : record)),
  },
  {
    fault: 'the clock is in milliseconds',
    caughtBy: 'time/epoch-microseconds',
    make: () => {
      const fixture = broken();
      const { store } = fixture;
      return {
        ...fixture,
        store: {
          ...store,
          decide: async (...call) =>
            (await store.decide(...call)).map((result) =>
              'error' in result ? result : { ...result, nowUs: result.nowUs / 1000 },
            ),
        },
      };
    },
  },
  {
    fault: 'every hit begins the window anew',
    caughtBy: 'model/fixed-window',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) => {
          const outcome = decideStep(record, limits, ops, nowUs);
          if (!outcome.record) return outcome;
          const entries = outcome.record.entries.map(({ limit, state }) =>
            limit.kind === 'fixedWindow' ? { limit, state: [state[0] ?? 0, nowUs] } : { limit, state },
          );
          return { ...outcome, record: { ...outcome.record, entries } };
        }),
      }),
  },
  {
    fault: 'the sliding window forgets the window before',
    caughtBy: 'model/sliding-window',
    make: reading((record, nowUs) => ({
      ...record,
      entries: record.entries.map(({ limit, state }) => {
        const current = openState(record, limit, Math.max(nowUs, record.lastUs)).state;
        return limit.kind === 'slidingWindow'
          ? { limit, state: [0, current[1] ?? 0, current[2] ?? 0] }
          : { limit, state };
      }),
    })),
  },
  {
    fault: 'the sliding log remembers instants in milliseconds',
    caughtBy: 'model/sliding-log',
    make: reading((record) => ({
      ...record,
      entries: record.entries.map(({ limit, state }) =>
        limit.kind === 'slidingLog'
          ? { limit, state: state.map((value, i) => (i % 2 === 0 ? value - (value % 1000) : value)) }
          : { limit, state },
      ),
    })),
  },
];
