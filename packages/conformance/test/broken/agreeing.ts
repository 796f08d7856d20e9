import { decideStep } from '@headgate/core';
import { broken, operationwise } from './broken-store.js';
import type { LimiterStore } from '@headgate/core';
import type { BrokenStore } from './broken-store.js';

/** Faults that the claims do not name and the random traces find, and those of a limiter over the store. */
export const agreeingFaults: readonly BrokenStore[] = [
  {
    fault: 'a token bucket admits a tick too soon',
    caughtBy: 'model/token-bucket',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) => {
          const early = decideStep(record, limits, ops, record ? nowUs + 1 : nowUs);
          return { ...early, result: { ...early.result, nowUs, atUs: early.result.atUs - (record ? 1 : 0) } };
        },
      }),
  },
  {
    fault: 'the reset of a policy is that of its first limit',
    caughtBy: 'model/policies',
    make: () =>
      broken({
        decide: (...step) => {
          const outcome = decideStep(...step);
          const answers = outcome.result.answers.map((answer) => ({
            ...answer,
            resetAtUs: answer.readings?.[0]?.resetAtUs ?? answer.resetAtUs,
          }));
          return { ...outcome, result: { ...outcome.result, answers } };
        },
      }),
  },
  {
    fault: 'a changed parameter is stored by a call that was denied',
    caughtBy: 'model/changed-parameters',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) => {
          const outcome = decideStep(record, limits, ops, nowUs);
          if (outcome.changed || !outcome.record) return outcome;
          const entries = outcome.record.entries.map((entry) => ({
            ...entry,
            limit:
              limits.find(({ name, kind }) => name === entry.limit.name && kind === entry.limit.kind) ?? entry.limit,
          }));
          return { ...outcome, changed: true, record: { ...outcome.record, entries } };
        }),
      }),
  },
  {
    fault: 'only the last operation of a step on a key is kept',
    caughtBy: 'model/batches',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) => {
          const all = decideStep(record, limits, ops, nowUs);
          return { ...all, record: decideStep(record, limits, ops.slice(-1), nowUs).record };
        },
      }),
  },
  {
    fault: 'decideNowFor keeps records of its own',
    caughtBy: 'model/decide-now-for',
    make: () =>
      broken({}, (store) => ({
        ...store,
        decideNowFor: (_name, limits, make) => {
          const { decideNow } = broken().store as Required<LimiterStore>;
          return (key, op) => make(key, decideNow(key, limits, op));
        },
      })),
  },
  {
    fault: 'a clock that stepped back is believed by the next write',
    caughtBy: 'model/clock-steps',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) => {
          const outcome = decideStep(record, limits, ops, nowUs);
          return outcome.changed && outcome.record
            ? { ...outcome, record: { ...outcome.record, lastUs: nowUs } }
            : outcome;
        }),
      }),
  },
  {
    fault: 'a limiter storm finds a gap between reading and writing',
    caughtBy: 'limiter/storm',
    make: () => {
      let turn = 0;
      // Every fourth call of a store is answered and forgotten.
      return broken({
        decide: (...step) => {
          const outcome = decideStep(...step);
          turn += 1;
          return turn % 4 === 0 ? { ...outcome, changed: false } : outcome;
        },
      });
    },
  },
  {
    fault: 'a refund is given twice',
    caughtBy: 'limiter/refund-once',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) =>
          decideStep(
            record,
            limits,
            ops.map((op) => (op.kind === 'refund' ? { ...op, cost: 2 * op.cost } : op)),
            nowUs,
          ),
        ),
      }),
  },
  {
    fault: "the limiter's name is no part of a record's",
    caughtBy: 'limiter/names-apart',
    make: () => broken({ recordKey: (key) => key.slice(key.indexOf(':') + 1) }),
  },
];
