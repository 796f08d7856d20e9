import { decideStep } from '@headgate/core';
import { altering, broken, operationwise } from './broken-store.js';
import type { LimiterOp, LimiterRecord, LimitState } from '@headgate/core';
import type { Decide } from '../reference-limiter-store.js';
import type { BrokenStore } from './broken-store.js';

/** Decides other operations in the place of some. */
const instead = (change: (op: LimiterOp) => LimiterOp): Decide =>
  operationwise((record, limits, ops, nowUs) => decideStep(record, limits, ops.map(change), nowUs));

/** Changes every state of what was to be stored. */
const storing = (
  change: (state: LimitState, before: LimiterRecord | undefined) => LimitState,
  when: (op: LimiterOp) => boolean,
): Decide =>
  operationwise((record, limits, ops, nowUs) => {
    const outcome = decideStep(record, limits, ops, nowUs);
    if (!outcome.record || !ops.every(when)) return outcome;
    const entries = outcome.record.entries.map((entry) => ({ ...entry, state: change(entry.state, record) }));
    return { ...outcome, record: { ...outcome.record, entries } };
  });

const isRefund = (op: LimiterOp): boolean => op.kind === 'refund';

/** Faults in what is charged, granted and given back. */
export const chargingFaults: readonly BrokenStore[] = [
  {
    fault: 'a denied cost is charged',
    caughtBy: 'cost/denial-charges-nothing',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) => {
          const asked = decideStep(record, limits, ops, nowUs);
          const [op] = ops;
          if (asked.result.answers[0]?.reason !== 'quota' || op?.kind !== 'consume') return asked;
          return { ...decideStep(record, limits, [{ kind: 'penalize', cost: op.cost }], nowUs), result: asked.result };
        }),
      }),
  },
  {
    fault: 'one unit too many is admitted',
    caughtBy: 'cost/burst',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) =>
          decideStep(
            record,
            limits.map((limit) => ({ ...limit, limit: limit.limit + 1 })),
            ops,
            nowUs,
          ),
      }),
  },
  {
    fault: 'every cost counts as one',
    caughtBy: 'cost/remaining-can-be-taken',
    make: () =>
      broken({ decide: instead((op) => (op.kind === 'consume' ? { ...op, cost: Math.min(1, op.cost) } : op)) }),
  },
  {
    fault: 'a cost of 0 takes one',
    caughtBy: 'cost/zero-only-asks',
    make: () =>
      broken({ decide: instead((op) => (op.kind === 'consume' ? { ...op, cost: Math.max(1, op.cost) } : op)) }),
  },
  {
    fault: 'a cost above the capacity is told to wait',
    caughtBy: 'cost/above-capacity-never-fits',
    make: () =>
      broken({
        decide: altering((answer) =>
          answer.reason === 'capacity' ? { ...answer, reason: 'quota', retryAtUs: answer.resetAtUs } : answer,
        ),
      }),
  },
  {
    fault: 'consumeUpTo takes all or nothing',
    caughtBy: 'cost/up-to-grants-what-is-left',
    make: () => broken({ decide: instead((op) => (op.kind === 'consumeUpTo' ? { ...op, kind: 'consume' } : op)) }),
  },
  {
    fault: 'a peek takes what it asks for',
    caughtBy: 'cost/peek-foretells',
    make: () => broken({ decide: instead((op) => (op.kind === 'peek' ? { ...op, kind: 'consume' } : op)) }),
  },
  {
    fault: 'levels below zero are shown',
    caughtBy: 'cost/never-negative',
    make: () =>
      broken({
        decide: altering((answer) =>
          answer.reason === 'quota' ? { ...answer, remaining: answer.remaining - 1 } : answer,
        ),
      }),
  },
  {
    fault: 'a refund overfills',
    caughtBy: 'refund/never-overfills',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) => {
          const outcome = decideStep(record, limits, ops, nowUs);
          const [op] = ops;
          const [limit] = limits;
          if (op?.kind !== 'refund' || limit?.kind !== 'tokenBucket') return outcome;
          const state = [limit.limit * limit.unitsPerToken + op.cost, nowUs];
          const entries = [{ limit: { ...limit, limit: limit.limit + 1000 }, state }];
          const overfull: LimiterRecord = { version: 1, lastUs: nowUs, blockedUntilUs: 0, entries };
          const answers = outcome.result.answers.map((answer) => ({ ...answer, granted: op.cost }));
          return { ...outcome, record: overfull, result: { ...outcome.result, answers } };
        }),
      }),
  },
  {
    fault: 'a refund on a fresh key is credit',
    caughtBy: 'refund/of-nothing',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) => {
          const outcome = decideStep(record, limits, ops, nowUs);
          const [op] = ops;
          if (op?.kind !== 'refund') return outcome;
          const answers = outcome.result.answers.map((answer) => ({ ...answer, granted: op.cost }));
          return { ...outcome, result: { ...outcome.result, answers } };
        }),
      }),
  },
  {
    fault: 'a refund begins the window anew (re-arms the expiry)',
    caughtBy: 'refund/keeps-the-window',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) =>
          storing(([count = 0, ...rest]) => (rest.length === 1 ? [count, nowUs] : [count, ...rest]), isRefund)(
            record,
            limits,
            ops,
            nowUs,
          ),
      }),
  },
  {
    fault: 'a refund is given whatever window it was charged in',
    caughtBy: 'refund/not-into-a-later-window',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) =>
          instead((op) => (op.kind === 'refund' ? { ...op, atUs: nowUs } : op))(record, limits, ops, nowUs),
      }),
  },
  {
    fault: 'a refund is ignored',
    caughtBy: 'refund/gives-back',
    make: () => broken({ decide: instead((op) => (op.kind === 'refund' ? { kind: 'peek', cost: 0 } : op)) }),
  },
  {
    fault: 'a penalty is refused when it is not there',
    caughtBy: 'penalize/takes-what-is-not-there',
    make: () => broken({ decide: instead((op) => (op.kind === 'penalize' ? { ...op, kind: 'consume' } : op)) }),
  },
  {
    fault: 'a debt may be half a limit and no more',
    caughtBy: 'penalize/debt-is-capped',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) =>
          instead((op) =>
            op.kind === 'penalize' ? { ...op, cost: Math.min(op.cost, 1.5 * (limits[0]?.limit ?? 0)) } : op,
          )(record, limits, ops, nowUs),
      }),
  },
  {
    fault: 'a block is forgotten when the key is charged',
    caughtBy: 'block/refuses-everything',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) =>
          decideStep(
            record && ops[0]?.kind === 'consume' ? { ...record, blockedUntilUs: 0 } : record,
            limits,
            ops,
            nowUs,
          ),
        ),
      }),
  },
  {
    fault: 'a later block replaces a longer one',
    caughtBy: 'block/never-shortened',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) =>
          decideStep(
            record && ops[0]?.kind === 'block' ? { ...record, blockedUntilUs: 0 } : record,
            limits,
            ops,
            nowUs,
          ),
        ),
      }),
  },
  {
    fault: 'a block lasts for ever',
    caughtBy: 'block/ends-by-itself',
    make: () => broken({ decide: instead((op) => (op.kind === 'block' ? { ...op, forUs: 2 ** 50 } : op)) }),
  },
  {
    fault: 'a reset leaves the block',
    caughtBy: 'reset/forgets-everything',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) => {
          const outcome = decideStep(record, limits, ops, nowUs);
          if (ops[0]?.kind !== 'reset' || !record) return outcome;
          return { ...outcome, record: { ...record, entries: [] } };
        }),
      }),
  },
];
