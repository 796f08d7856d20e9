import type { LockLostReason, StoreErrorKind } from '../errors.js';

/*
 * Events are plain frozen objects. Names (`limiter`, `lock`, `store`) are configured by the user and safe as labels; keys, owners and
 * sessions are in no event. Durations are monotonic milliseconds.
 */

/** Where a decision came from. */
export type DecisionSource = 'store' | 'cache' | 'fallback' | 'open' | 'closed';

/** One decision, or the failure to come to one; exactly one per operation that asks (`consume`, `consumeUpTo`, `peek` excluded). */
export interface DecisionEvent {
  readonly limiter: string;
  readonly store: string;
  readonly outcome: 'allowed' | 'denied' | 'error';
  /** Why it was denied; `closed` when the store was away and `onStoreFailure` is `closed`. */
  readonly reason?: 'quota' | 'blocked' | 'capacity' | 'closed';
  readonly source: DecisionSource;
  readonly cost: number;
  /** Name of the limit that refused. */
  readonly violated?: string;
}

/** Units given back by a refund. */
export interface RefundEvent {
  readonly limiter: string;
  readonly store: string;
  readonly units: number;
}

/** One `limiter.wait` that ended. */
export interface LimiterWaitEvent {
  readonly limiter: string;
  readonly outcome: 'allowed' | 'denied' | 'aborted' | 'error';
  readonly waitMs: number;
}

/** One call to a store as core sees it: a batch counts once. */
export interface StoreCallEvent {
  readonly store: string;
  readonly operation:
    | 'decide'
    | 'acquire'
    | 'acquire_all'
    | 'cancel_wait'
    | 'extend'
    | 'release'
    | 'release_session'
    | 'force_release'
    | 'inspect'
    | 'list';
  readonly outcome: 'ok' | 'error';
  readonly durationMs: number;
  /** Steps, leases or keys in the call. */
  readonly items: number;
  /** Present when `outcome` is `error`. */
  readonly errorKind?: StoreErrorKind;
}

/** A limiter went over to its fallback (or failure mode), or came back. */
export interface FallbackEvent {
  readonly limiter: string;
  readonly direction: 'activate' | 'recover';
  /** Name of the store that failed or came back. */
  readonly from: string;
  /** Name of the fallback store, or the failure mode: `open`, `closed`, `throw`. */
  readonly to: string;
  /** Units charged to the store on recovery, when `reconcile` is on. */
  readonly reconciledUnits?: number;
}

/** One acquire that ended, whatever the way. */
export interface AcquireEvent {
  readonly lock: string;
  readonly store: string;
  /** `busy`: refused without waiting; `timeout`: refused after waiting. */
  readonly outcome: 'acquired' | 'busy' | 'timeout' | 'aborted' | 'error';
  readonly waitMs: number;
  /** Attempts this call made at the store itself (0 when the lock was passed on inside the process). */
  readonly attempts: number;
  /** Whether it was not granted at its first attempt. */
  readonly contended: boolean;
}

/** One lease that ended. Exactly one for each `acquired`. */
export interface LeaseEndEvent {
  readonly lock: string;
  readonly store: string;
  /** `released`: by its holder; `lost`: taken away or its store gone; `expired`: its deadline passed; `session`: by a session release or a forced release. */
  readonly ended: 'released' | 'lost' | 'expired' | 'session';
  readonly heldMs: number;
}

/** One lease that its holder lost. */
export interface LockLostEvent {
  readonly lock: string;
  readonly store: string;
  readonly reason: LockLostReason;
}

/** One lease's extension, by hand or by renewal. */
export interface ExtendEvent {
  readonly lock: string;
  readonly store: string;
  readonly outcome: 'ok' | 'lost' | 'error';
}

/** One release that a holder asked for. */
export interface ReleaseEvent {
  readonly lock: string;
  readonly store: string;
  readonly outcome: 'released' | 'not_owner' | 'error';
}

/** One session release. */
export interface SessionReleaseEvent {
  readonly lock: string;
  readonly store: string;
  readonly cause: 'explicit' | 'dispose';
  readonly outcome: 'ok' | 'error';
  readonly released: number;
  readonly pending: number;
}

/** Waiters of this process changed by `delta`. */
export interface WaitersEvent {
  readonly lock: string;
  readonly store: string;
  readonly delta: 1 | -1;
}

/** A bounded in-process store changed its number of keys or evicted some. */
export interface StoreKeysEvent {
  readonly store: string;
  readonly keys: number;
  readonly evicted?: {
    readonly reason: 'expired' | 'capacity';
    readonly count: number;
  };
}

/** A client clock was seen to differ from the service's by more than the stated bound. */
export interface ClockSkewEvent {
  readonly store: string;
  readonly skewMs: number;
}

/** A hook threw; its exception was caught and changed nothing. */
export interface HookErrorEvent {
  readonly hook: string;
  readonly error: unknown;
}

/** Every hook with the event it gets. */
export interface HookEvents {
  readonly onDecision: DecisionEvent;
  readonly onRefund: RefundEvent;
  readonly onLimiterWait: LimiterWaitEvent;
  readonly onStoreCall: StoreCallEvent;
  readonly onFallback: FallbackEvent;
  readonly onAcquire: AcquireEvent;
  readonly onLeaseEnd: LeaseEndEvent;
  readonly onLockLost: LockLostEvent;
  readonly onExtend: ExtendEvent;
  readonly onRelease: ReleaseEvent;
  readonly onSessionRelease: SessionReleaseEvent;
  readonly onWaiters: WaitersEvent;
  readonly onStoreKeys: StoreKeysEvent;
  readonly onClockSkew: ClockSkewEvent;
  readonly onHookError: HookErrorEvent;
}

/** What hooks are told at construction, so that series that can be known start at 0. */
export type DeclaredSeries =
  | {
      readonly kind: 'limiter';
      readonly limiter: string;
      readonly store: string;
      readonly fallback?: string;
    }
  | { readonly kind: 'lock'; readonly lock: string; readonly store: string };

/**
 * Listeners to what limiters and locks do. All optional, all synchronous; one that throws is caught and reported to `onHookError` and cannot change an
 * outcome. An absent hook costs nothing.
 */
export type Hooks = {
  readonly [name in keyof HookEvents]?: (event: HookEvents[name]) => void;
} & {
  /** Called once when a limiter or lock manager with these hooks is made. */
  readonly onDeclare?: (series: DeclaredSeries) => void;
};
