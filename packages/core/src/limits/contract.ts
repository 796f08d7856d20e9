import type { StoreError } from '../errors.js';
import type { Limit } from './limit.js';

/** What a limiter store can do; read by core at construction and by the conformance suite. */
export interface LimiterCapabilities {
  /** Largest `limit` of a sliding log that the store holds (it may keep twice as many entries, when in debt). */
  readonly maxSlidingLogLimit: number;
  /** Most steps in one `decide` call. */
  readonly maxBatchSteps: number;
  /** Most operations in one step. */
  readonly maxStepOps: number;
  /** How late the physical removal of a record that equals a fresh one may be, milliseconds; `Infinity` when only a clean-up that somebody calls removes it. */
  readonly removalLagMs: number;
}

/** One caller's operation on a key. Costs are integers from 0 to 2^53-1, already validated by core. */
export type LimiterOp =
  /** Takes `cost` from every limit, or nothing. */
  | { readonly kind: 'consume'; readonly cost: number }
  /** Takes as much of `cost` as every limit has left; denied when that is nothing. */
  | { readonly kind: 'consumeUpTo'; readonly cost: number }
  /** Answers what `consume` would; changes nothing. */
  | { readonly kind: 'peek'; readonly cost: number }
  /** Gives back up to `cost` of what was charged at `atUs` (the `atUs` of that result). */
  | { readonly kind: 'refund'; readonly cost: number; readonly atUs: number }
  /** Takes `cost` whether or not it is there; debt is capped at one whole limit. */
  | { readonly kind: 'penalize'; readonly cost: number }
  /** Refuses everything until now + `forUs`; never shortens a block. */
  | { readonly kind: 'block'; readonly forUs: number }
  /** Forgets everything about the key: spent units, debts, block. */
  | { readonly kind: 'reset' };

/** One key with the waiting callers' operations in arrival order. A step is atomic; each operation gets its own answer. */
export interface LimiterStep {
  readonly key: string;
  /** At least one limit, distinct names. */
  readonly limits: readonly Limit[];
  /** At least one operation. */
  readonly ops: readonly LimiterOp[];
}

/** Why an operation was denied: a limit is spent, the key is blocked, or the cost exceeds a capacity and never fits. */
export type DenialReason = 'quota' | 'blocked' | 'capacity';

/** One limit as it stands after an operation. */
export interface LimitReading {
  /** Whole units that can be taken now, 0 to `limit`. */
  readonly remaining: number;
  /** Epoch microseconds from which the limit equals a fresh one if nobody else calls. */
  readonly resetAtUs: number;
}

/** The store's answer to one operation. Instants are epoch microseconds by the clock that decided. Decisions refer to it: one that was handed over never changes. */
export interface LimiterAnswer {
  readonly allowed: boolean;
  /** Units charged: the cost, less for `consumeUpTo`, 0 when denied and for `peek`, `block` and `reset`; for `refund` what was given back. */
  readonly granted: number;
  /** Present exactly when `allowed` is false. */
  readonly reason?: DenialReason | undefined;
  /** Index in `limits` of the limit that refuses longest (the first, if several); -1 when allowed or blocked. */
  readonly violated: number;
  /** Earliest instant at which the same operation is admitted if nobody else calls; 0 when allowed, `Infinity` for `capacity`. */
  readonly retryAtUs: number;
  /** Least `remaining` over the limits; 0 while blocked. */
  readonly remaining: number;
  /** Instant from which the whole record equals a fresh one: the latest over its limits, limits kept from earlier policies, and the block. */
  readonly resetAtUs: number;
  /** One reading per limit, in order; may be left out when there is a single limit. */
  readonly readings?: readonly LimitReading[] | undefined;
}

/** What one step came to. */
export interface LimiterDecided {
  /** The clock the step was decided by, epoch microseconds. */
  readonly nowUs: number;
  /** The instant the step counts as: `max(nowUs, the record's last time)`, so that a clock that steps back re-opens nothing. */
  readonly atUs: number;
  /** One answer per operation, in order. Core adds `nowUs` and `atUs` to each ({@link LimiterAnswerNow}); one that has them is used as it is, which is cheaper. */
  readonly answers: readonly LimiterAnswer[];
}

/** A step's answers, or why it has none. One step's error never touches another step. */
export type LimiterResult = LimiterDecided | { readonly error: StoreError };

/** One operation's answer together with the clocks of its step. */
export interface LimiterAnswerNow extends LimiterAnswer {
  readonly nowUs: number;
  readonly atUs: number;
}

/**
 * What an adapter implements to hold rate limits. Duties:
 * - Each step is atomic with respect to every other step on its key, from any process; steps are independent of each other.
 * - The outcome is that of `decideStep` on the key's record: run it, or run a port that agrees answer by answer.
 * - A step whose operations change nothing (denials, peeks) writes nothing.
 * - `decide` sends each step at most once: a lost reply is an error, never a second charge.
 * - `decide` never throws for a single step's trouble: it returns `{ error }` in its place, so results match steps one to one.
 *   It may reject as a whole with a `StoreError`, which then counts for every step.
 */
export interface LimiterStore {
  /** The `store` label of every metric: `memory`, `redis`, `redis_cluster`, `postgres`, `dynamodb`, or the adapter's own. */
  readonly name: string;
  /** Whose clock decides. */
  readonly clock: 'store' | 'client';
  readonly capabilities: LimiterCapabilities;
  /** Batches gather per lane (a cluster's slot bucket, a partition); one lane when absent. Must be cheap and stable for a key. */
  lane?(key: string): string;
  /** Decides a batch of steps with distinct keys; one result per step, in order. `signal` aborts when the caller has given up. */
  decide(steps: readonly LimiterStep[], options: { readonly signal?: AbortSignal }): Promise<readonly LimiterResult[]>;
  /** In-process stores: the same decision without a promise; throws a `StoreError` when the step has none. */
  decideNow?(key: string, limits: readonly Limit[], op: LimiterOp): LimiterAnswerNow;
  /**
   * In-process stores, optional: prepares {@link decideNow} for one limiter and one policy, so that the hot path need not join strings nor look at limits.
   * `decideNowFor(name, limits, make)(key, op)` is `make(key, answer)` of what `decideNow(joinKey(name, key), limits, op)` would answer, on the same record.
   * The function it returns is handed the caller's key as it came: it must call `checkKey('key', key)` for any key it has no record of (one it has was
   * checked when it came in). This answer, and no other, may be an object that computes its fields when they are read; `make` reads them by name.
   */
  decideNowFor?<T>(
    name: string,
    limits: readonly Limit[],
    make: (key: string, answer: LimiterAnswerNow) => T,
  ): (key: string, op: LimiterOp) => T;
  /** Ends what the store itself opened; calls in flight may fail with a `StoreError`. Safe to call twice. */
  close(): Promise<void>;
}
