import fc from 'fast-check';
import { arbitraryLimit } from './arbitrary-limit.js';
import type { Limit } from '@headgate/core';
import type { LimitChoice } from './arbitrary-limit.js';
import type { Trace, TraceOp, TracePause, TraceStep } from './trace.js';

/** What traces are made of. */
export interface TraceChoice extends LimitChoice {
  /** Most limits in a policy. */
  readonly maxLimits: number;
  /** How many policies take turns: 1 is a fixed policy, more are parameters that change under way. */
  readonly policies: number;
  /** Most keys in one call. */
  readonly maxKeys: number;
  /** Most operations on one key in one call. */
  readonly maxOps: number;
  readonly maxSteps: number;
  /** Whether the clock may step back. */
  readonly stepsBack: boolean;
  /** Whether two stores take turns. */
  readonly peers: boolean;
}

const limitNames = ['a', 'b', 'c'];

function arbitraryPolicy(choice: TraceChoice): fc.Arbitrary<readonly Limit[]> {
  return fc
    .shuffledSubarray(limitNames, { minLength: 1, maxLength: choice.maxLimits })
    .chain((names) => fc.tuple(...names.map((name) => arbitraryLimit(name, choice))));
}

const cost = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 50, Number.MAX_SAFE_INTEGER) },
);

function arbitraryOp(movable: boolean): fc.Arbitrary<TraceOp> {
  const forUs = movable
    ? fc.constantFrom(0, 1, 999, 1000, 50_000, 60_000_000, 2 ** 31 * 1000)
    : fc.integer({ min: 0, max: 20_000 });
  return fc.oneof(
    { weight: 10, arbitrary: fc.record({ kind: fc.constant('consume' as const), cost }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('consumeUpTo' as const), cost }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('peek' as const), cost }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('refund' as const),
        cost,
        back: fc.integer({ min: 0, max: 4 }),
        offUs: fc.constantFrom(0, 0, 0, 0, -1, 1),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('penalize' as const), cost }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('block' as const), forUs }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reset' as const }) },
  );
}

function arbitraryPause({ movable, stepsBack }: TraceChoice): fc.Arbitrary<TracePause> {
  const us = movable
    ? fc.oneof(
        fc.constantFrom(0, 0, 1, 2),
        fc.integer({ min: 0, max: 5000 }),
        fc.integer({ min: 0, max: 4_000_000 }),
        fc.integer({ min: 0, max: 2 ** 45 }),
      )
    : fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 30_000 }) });
  const elapse = fc.record({ kind: fc.constant('us' as const), us });
  const edge = fc.record({
    kind: fc.constantFrom('toRetry' as const, 'toReset' as const),
    offUs: fc.constantFrom(-1, 0, 0, 1),
  });
  const back = fc.record({ kind: fc.constant('back' as const), us: fc.integer({ min: 1, max: 2 ** 33 }) });
  return fc.oneof(
    { weight: 4, arbitrary: elapse },
    { weight: 3, arbitrary: edge },
    ...(stepsBack ? [{ weight: 3, arbitrary: back }] : []),
  );
}

function arbitraryStep(choice: TraceChoice): fc.Arbitrary<TraceStep> {
  const ops = fc.array(arbitraryOp(choice.movable), { minLength: 1, maxLength: choice.maxOps });
  return fc.record({
    pause: arbitraryPause(choice),
    policy: fc.integer({ min: 0, max: choice.policies - 1 }),
    keys: fc.uniqueArray(fc.record({ key: fc.integer({ min: 0, max: choice.maxKeys - 1 }), ops }), {
      minLength: 1,
      maxLength: choice.maxKeys,
      selector: ({ key }) => key,
    }),
    peer: choice.peers ? fc.boolean() : fc.constant(false),
  });
}

/** Random scenarios of the chosen kind, which shrink to short ones. */
export function arbitraryTrace(choice: TraceChoice): fc.Arbitrary<Trace> {
  return fc.record({
    policies: fc.array(arbitraryPolicy(choice), { minLength: choice.policies, maxLength: choice.policies }),
    steps: fc.array(arbitraryStep(choice), { minLength: 1, maxLength: choice.maxSteps, size: 'max' }),
  });
}
