import type { Clock } from '../clock.js';
import type { DecisionSource, Hooks } from '../hooks/events.js';
import type { DenialReason, LimiterStore } from './contract.js';
import type { Limit } from './limit.js';

/** One limit as a decision saw it; what a `RateLimit` header needs. */
export interface PolicyDetail {
  readonly name: string;
  readonly limit: number;
  /** Length of the window, or the time an empty bucket takes to fill, milliseconds. */
  readonly windowMs: number;
  /** Whole units left, 0 to `limit`. */
  readonly remaining: number;
  /** Epoch milliseconds by the deciding clock from which the limit equals a fresh one if nobody else calls. */
  readonly resetAtMs: number;
}

interface DecisionFields {
  /** Units the caller may use: the cost, or less for `consumeUpTo`; 0 when denied or peeked. */
  readonly granted: number;
  /** The limit with the fewest units left. */
  readonly limit: number;
  /** Whole units that can be taken now: the least over all limits. */
  readonly remaining: number;
  /** Epoch milliseconds by the deciding clock from which the key equals a fresh one if nobody else calls. */
  readonly resetAtMs: number;
  /** Epoch milliseconds of the decision by the deciding clock; subtract it from `resetAtMs` for a delay free of clock skew. */
  readonly atMs: number;
  /** Who decided: the store, the deny cache, the fallback store, or a failure mode. */
  readonly source: DecisionSource;
  /** Every limit of the policy, in its order. */
  readonly policies: readonly PolicyDetail[];
  /** The decision as a plain object, for what copies or clones it; `JSON.stringify` and `console.log` show it. */
  toJSON(): PlainDecision;
}

/** The call may go ahead. */
export interface AllowedDecision extends DecisionFields {
  readonly allowed: true;
}

/** The call must not go ahead. An outage is never dressed up as one: `reason` is `closed` only when the caller chose `onStoreFailure: 'closed'`. */
export interface DeniedDecision extends DecisionFields {
  readonly allowed: false;
  /** `quota`: a limit is spent. `blocked`: by `block`. `capacity`: the cost exceeds a capacity and never fits. `closed`: the store is away. */
  readonly reason: DenialReason | 'closed';
  /** Name of the limit that refuses longest; absent for `blocked` and `closed`. */
  readonly violated?: string;
  /**
   * Milliseconds (up to three decimals: the tick is a microsecond) after which the same call succeeds if nobody else calls; one tick earlier it does
   * not. `Infinity` for `capacity`; for `closed`, when the store is next tried (0: the next call tries it). From the deny cache it is that of the refusal
   * it remembers, so for a larger cost it may be too short.
   */
  readonly retryAfterMs: number;
}

/**
 * Outcome of asking a limiter. Its fields are computed when they are read: read them by name, or take `toJSON()` where it is to be copied, since a spread or a
 * structured clone of a decision is empty.
 */
export type Decision = AllowedDecision | DeniedDecision;

/** A decision's fields as a plain object. */
export type PlainDecision = Omit<AllowedDecision, 'toJSON'> | Omit<DeniedDecision, 'toJSON'>;

/** Options of every limiter call. */
export interface LimiterCallOptions {
  /** Limits for this call instead of the limiter's own (a plan per customer); state is matched by limit name. */
  readonly limits?: Limit | readonly Limit[] | undefined;
  /** Gives up on the answer: the call rejects with `signal.reason`. What was already sent may still be charged. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of calls that take or ask for units. */
export interface ConsumeOptions extends LimiterCallOptions {
  /** Units to take, an integer from 0 to 2^53-1; default 1. 0 only asks. */
  readonly cost?: number | undefined;
}

/** Options of `wait`. */
export interface WaitOptions extends ConsumeOptions {
  /** Longest time to wait, milliseconds; default 30,000. */
  readonly maxWaitMs?: number | undefined;
}

/**
 * What to do when the store cannot answer a `consume`, `consumeUpTo` or `peek`: ask the fallback, admit, refuse, or throw the {@link StoreError}. Writes
 * never pretend: `penalize` and `block` go to the fallback or throw, `refund` and `reset` throw in every mode.
 */
export type StoreFailureMode = 'fallback' | 'open' | 'closed' | 'throw';

/** Options of the breaker, which stops asking a store that fails. */
export interface BreakerOptions {
  /** Failed round trips in a row that open it (a batch counts once; contention, a full store and a foreign record never do); default 5. */
  readonly failures?: number | undefined;
  /** Milliseconds from opening to the first probe; default 1,000. Doubles, with jitter, to `maxOpenMs` while probes fail. */
  readonly openMs?: number | undefined;
  /** Default 30,000. */
  readonly maxOpenMs?: number | undefined;
}

/** A second limiter store for outages. */
export interface FallbackOptions {
  /** Usually `memoryLimiterStore()`. */
  readonly store: LimiterStore;
  /**
   * Part of each limit this process may admit alone, `1 / instances`: above 0 and at most 1, a ratio of whole numbers with at most 10,000 below the line;
   * default 1. A limit's share is `max(1, floor(limit * share))` in the same window; a token bucket's rate is scaled exactly, and a share that
   * cannot be is refused. A cost above the share but within the limit is admitted when the whole share is free, and takes all of it.
   */
  readonly share?: number | undefined;
  /**
   * Charge the store on its return, once, at most, with what the fallback admitted and its live records still hold; default false. Left out are calls
   * that had been sent before they failed (the store may have charged them), keys beyond the first 100,000, and of a blocked key what
   * its windows may have let go.
   */
  readonly reconcile?: boolean | undefined;
}

/** Options of {@link Limiter} construction. */
export interface LimiterOptions {
  /** Configured name: part of every record key and the `limiter` label. */
  readonly name: string;
  readonly store: LimiterStore;
  /** The policy: one limit or several with distinct names, all of which must admit a call. */
  readonly limits: Limit | readonly Limit[];
  /** Longest time from a call to its answer, queueing included, milliseconds; default 1,000. What was sent is never sent again. */
  readonly timeoutMs?: number | undefined;
  /** Default `'fallback'` when `fallback` is given (which then is the only choice), else `'throw'`. */
  readonly onStoreFailure?: StoreFailureMode | undefined;
  readonly fallback?: FallbackOptions | undefined;
  readonly breaker?: BreakerOptions | undefined;
  /**
   * Refuse locally what the store has just refused: the same or a larger cost on that key and those limits. Off by default. It lasts as long as the
   * store's refusal, at most `maxMs` (default 1,000) because other processes may refund, reset or raise the limit; whatever this process does to the
   * key ends it at once. `maxKeys` (default 10,000) bounds it.
   */
  readonly denyCache?:
    | {
        readonly maxMs?: number | undefined;
        readonly maxKeys?: number | undefined;
      }
    | undefined;
  /** Round trips under way per lane, 1 to 8; default 2. Further calls gather meanwhile. */
  readonly maxInFlight?: number | undefined;
  /** Most calls waiting in this process before {@link QueueFullError}, for the store and, counted apart, in `wait`; default 100,000. */
  readonly maxQueue?: number | undefined;
  readonly hooks?: Hooks | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** Rate limits over one store. Make one with `createLimiter`. */
export interface Limiter {
  readonly name: string;
  readonly store: string;
  /** Takes `cost` from every limit of the key, or nothing. A denial is a value; a store failure is handled as `onStoreFailure` says. */
  consume(key: string, options?: ConsumeOptions): Promise<Decision>;
  /** The same without a promise; in-process stores only (throws {@link UnsupportedError} otherwise). */
  consumeSync(key: string, options?: ConsumeOptions): Decision;
  /** Takes as much of `cost` as is left; `granted` says how much. */
  consumeUpTo(key: string, options: ConsumeOptions & { readonly cost: number }): Promise<Decision>;
  /** What `consume` would answer; takes nothing. */
  peek(key: string, options?: ConsumeOptions): Promise<Decision>;
  /**
   * Gives back what an allowed decision of this limiter was charged, or `cost` of it, to the store that charged it; together never more than it was charged. Resolves to
   * the units asked back. When it rejects (the store is away) those units are spent all the same: they are never asked back twice.
   */
  refund(
    decision: Decision,
    options?: {
      readonly cost?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<number>;
  /** Takes `cost` whether or not it is there; debt is capped at one whole limit. */
  penalize(key: string, options: LimiterCallOptions & { readonly cost: number }): Promise<Decision>;
  /** Refuses the key for `forMs` milliseconds from now; a shorter block never shortens a longer one. */
  block(key: string, forMs: number, options?: LimiterCallOptions): Promise<Decision>;
  /** Forgets everything about the key, in the store and in the fallback. */
  reset(key: string, options?: LimiterCallOptions): Promise<void>;
  /**
   * Waits, first come first served in this process, until `cost` is admitted; resolves with the last denial when `maxWaitMs` cannot suffice or has passed.
   * Only the first waiter of a key asks, when its turn can have come. A plain `consume` does not queue behind waiters. Sleeping keeps the process alive.
   */
  wait(key: string, options?: WaitOptions): Promise<Decision>;
  /** Sends what was gathered, waits for it, and refuses later calls with {@link ClosedError}. Does not close the store. */
  close(): Promise<void>;
}
