import { decideStep } from '@headgate/core';
import { altering, broken, operationwise } from './broken-store.js';
import type { Limit, LimiterAnswer, LimiterRecord, LimiterResult, LimiterStore } from '@headgate/core';
import type { BrokenStore } from './broken-store.js';

/** Wraps `decide` of a store. */
const deciding =
  (decide: (store: LimiterStore, ...call: Parameters<LimiterStore['decide']>) => Promise<readonly LimiterResult[]>) =>
  (store: LimiterStore): LimiterStore => ({ ...store, decide: (...call) => decide(store, ...call) });

const positional = (limits: readonly Limit[]): readonly Limit[] =>
  limits.map((limit, i) => ({ ...limit, name: `n${i}` }));

/** Looks at the entries of a record before they are decided on. */
const reading =
  (change: (record: LimiterRecord, limits: readonly Limit[]) => LimiterRecord): BrokenStore['make'] =>
  () =>
    broken({
      decide: (record, limits, ops, nowUs) => decideStep(record && change(record, limits), limits, ops, nowUs),
    });

/** Faults in policies of several limits and in batches. */
export const policyFaults: readonly BrokenStore[] = [
  {
    fault: 'a step touches only the first of several limits',
    caughtBy: 'policy/charges-every-limit',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) => {
          const outcome = decideStep(record, limits, ops, nowUs);
          if (!outcome.record) return outcome;
          const entries = outcome.record.entries.filter(({ limit }) => limit.name === limits[0]?.name);
          return { ...outcome, record: { ...outcome.record, entries } };
        }),
      }),
  },
  {
    fault: 'limits are spent by a policy that refused',
    caughtBy: 'policy/all-or-nothing',
    make: () =>
      broken({
        decide: operationwise((record, limits, ops, nowUs) => {
          const asked = decideStep(record, limits, ops, nowUs);
          const violated = asked.result.answers[0]?.violated ?? -1;
          if (violated < 1) return asked;
          return { ...decideStep(record, limits.slice(0, violated), ops, nowUs), result: asked.result };
        }),
      }),
  },
  {
    fault: 'the first limit that refuses is named, not the one that refuses longest',
    caughtBy: 'policy/names-the-refuser',
    make: () =>
      broken({
        decide: altering((answer) => {
          const first = answer.readings?.findIndex(({ remaining }) => remaining === 0) ?? -1;
          return answer.reason === 'quota'
            ? { ...answer, violated: first, retryAtUs: answer.readings?.[first]?.resetAtUs ?? 0 }
            : answer;
        }),
      }),
  },
  {
    fault: 'limits that a call does not ask for are dropped',
    caughtBy: 'policy/keeps-other-limits',
    make: reading((record, limits) => ({
      ...record,
      entries: record.entries.filter(({ limit }) => limits.some(({ name }) => name === limit.name)),
    })),
  },
  {
    fault: 'a limit left alone in a record counts as if written with it',
    caughtBy: 'policy/kept-limits-go-on',
    make: reading((record) => ({
      ...record,
      entries: record.entries.map(({ limit, state }) =>
        limit.kind === 'tokenBucket' ? { limit, state: [state[0] ?? 0, record.lastUs] } : { limit, state },
      ),
    })),
  },
  {
    fault: 'state is matched by position',
    caughtBy: 'policy/by-name',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) => decideStep(record, positional(limits), ops, nowUs),
      }),
  },
  {
    fault: 'a changed limit starts anew',
    caughtBy: 'policy/changed-limit',
    make: reading((record, limits) => ({
      ...record,
      entries: record.entries.filter(
        ({ limit }) => !limits.some(({ name, limit: size }) => name === limit.name && size !== limit.limit),
      ),
    })),
  },
  {
    fault: 'a changed algorithm starts anew',
    caughtBy: 'policy/changed-algorithm',
    make: reading((record, limits) => ({
      ...record,
      entries: record.entries.filter(
        ({ limit }) => !limits.some(({ name, kind }) => name === limit.name && kind !== limit.kind),
      ),
    })),
  },
  {
    fault: 'operations of a step are decided cheapest first',
    caughtBy: 'batch/operations-in-order',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) => {
          const costOf = (i: number): number => (ops[i] as { cost?: number }).cost ?? 0;
          const order = ops.map((_, i) => i).sort((a, b) => costOf(a) - costOf(b));
          const outcome = decideStep(
            record,
            limits,
            order.map((i) => ops[i] as (typeof ops)[number]),
            nowUs,
          );
          const answers = ops.map(
            (_, i) => outcome.result.answers[order.indexOf(i)] as (typeof outcome.result.answers)[number],
          );
          return { ...outcome, result: { ...outcome.result, answers } };
        },
      }),
  },
  {
    fault: 'answers within a step come in reverse',
    caughtBy: 'batch/answers-to-their-operations',
    make: () =>
      broken({
        decide: (...step) => {
          const outcome = decideStep(...step);
          return {
            ...outcome,
            result: {
              ...outcome.result,
              answers: outcome.result.answers.map((_, i, all) => all[all.length - 1 - i] as LimiterAnswer),
            },
          };
        },
      }),
  },
  {
    fault: 'results of a batch come sorted by key',
    caughtBy: 'batch/results-in-order',
    make: () =>
      broken(
        {},
        deciding((store, steps, call) =>
          store.decide(
            [...steps].sort((a, b) => (a.key < b.key ? -1 : 1)),
            call,
          ),
        ),
      ),
  },
  {
    fault: "answers bring another step's clocks",
    caughtBy: 'batch/results-in-order',
    make: () =>
      broken(
        {},
        deciding(async (store, steps, call) => {
          const results = await store.decide(steps, call);
          return results.map((result, i) => {
            const other = results[i - 1];
            if (!other || 'error' in other || 'error' in result) return result;
            const { nowUs, atUs } = other;
            return { ...result, answers: result.answers.map((answer) => ({ ...answer, nowUs, atUs })) };
          });
        }),
      ),
  },
  {
    fault: "steps of a batch count as the first one's instant",
    caughtBy: 'batch/results-in-order',
    make: () =>
      broken(
        {},
        deciding(async (store, steps, call) => {
          const results = await store.decide(steps, call);
          const [first] = results;
          if (!first || 'error' in first) return results;
          return results.map((result) => ('error' in result ? result : { ...result, atUs: first.atUs }));
        }),
      ),
  },
  {
    fault: 'steps beyond the hundredth are left out',
    caughtBy: 'batch/as-large-as-declared',
    make: () =>
      broken(
        {},
        deciding((store, steps, call) => store.decide(steps.slice(0, 100), call)),
      ),
  },
  {
    fault: "one step's error fails the batch",
    caughtBy: 'batch/error-stays-alone',
    make: () =>
      broken(
        {},
        deciding(async (store, steps, call) => {
          const results = await store.decide(steps, call);
          for (const result of results) if ('error' in result) throw result.error;
          return results;
        }),
      ),
  },
  {
    fault: 'lanes are handed out in turn',
    caughtBy: 'batch/lane-is-stable',
    make: () =>
      broken({}, (store) => {
        let next = 0;
        return { ...store, lane: () => String(next++ % 4) };
      }),
  },
];
