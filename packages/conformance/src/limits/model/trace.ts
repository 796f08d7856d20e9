import type { Limit, LimiterOp } from '@headgate/core';

/** A refund in a trace names the charge it gives back by how many results ago it was, so that it can be replayed by any clock. */
export type TraceOp =
  | Exclude<LimiterOp, { kind: 'refund' }>
  | {
      readonly kind: 'refund';
      readonly cost: number;
      /** Which earlier step on the key: 0 the last, 1 the one before. */
      readonly back: number;
      readonly offUs: number;
    };

/** How time passes before a step. */
export type TracePause =
  | { readonly kind: 'us'; readonly us: number }
  /** To an instant that the last step on the step's first key named, and a little before or after it. */
  | { readonly kind: 'toRetry' | 'toReset'; readonly offUs: number }
  /** The clock steps back. */
  | { readonly kind: 'back'; readonly us: number };

/** One call of `decide` in a trace. */
export interface TraceStep {
  readonly pause: TracePause;
  /** Index of the policy in the trace's list. */
  readonly policy: number;
  /** Distinct keys by index, each with its operations. */
  readonly keys: readonly { readonly key: number; readonly ops: readonly TraceOp[] }[];
  /** Which of two stores on the same data is asked. */
  readonly peer: boolean;
}

/** A random scenario: the policies in play and what happens. */
export interface Trace {
  readonly policies: readonly (readonly Limit[])[];
  readonly steps: readonly TraceStep[];
}
