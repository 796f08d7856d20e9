import type { LockMode } from '@headgate/core';

/** What every recorded operation has. Times are milliseconds of one monotonic clock that all clients share; `returnMs` is `Infinity` when no answer came. */
export interface RecordedOperation {
  /** Who did it: a process, a manager, a task. */
  readonly client: string;
  readonly key: string;
  readonly invokeMs: number;
  readonly returnMs: number;
}

/** An attempt to take a lock, or a wait for it. */
export interface RecordedAcquire extends RecordedOperation {
  readonly op: 'acquire';
  /** `refused`: others held it until the end. `gave-up`: aborted by its caller, which says nothing about others. `unknown`: no answer, so it may have been granted. */
  readonly outcome: 'acquired' | 'refused' | 'gave-up' | 'unknown';
  /** Present when acquired. */
  readonly token?: number;
  /** When the lease ends unless extended, as its holder believes it; absent means not before it is released. */
  readonly leaseEndMs?: number;
  /** Default `exclusive`. */
  readonly mode?: LockMode;
  /** Permits of the key, when `mode` is `permit`. */
  readonly permits?: number;
  /** Whether it queued while it waited, and so may have kept others out. */
  readonly waited?: boolean;
}

/** An extension of a lease. */
export interface RecordedExtend extends RecordedOperation {
  readonly op: 'extend';
  readonly token: number;
  readonly outcome: 'ok' | 'lost' | 'unknown';
  /** The lease's new end as its holder believes it; with `ok`. */
  readonly leaseEndMs?: number;
}

/** A release by the holder. */
export interface RecordedRelease extends RecordedOperation {
  readonly op: 'release';
  readonly token: number;
  readonly outcome: 'ok' | 'lost' | 'unknown';
}

/** A release by force: from then on nobody before `token` holds the key. */
export interface RecordedForce extends RecordedOperation {
  readonly op: 'force';
  readonly token: number;
}

/** A write to the resource that the lock guards, checked there by its token. */
export interface RecordedWrite extends RecordedOperation {
  readonly op: 'write';
  readonly token: number;
  readonly outcome: 'accepted' | 'fenced' | 'unknown';
}

/** One operation of a history. */
export type LockOperation = RecordedAcquire | RecordedExtend | RecordedRelease | RecordedForce | RecordedWrite;

/** The rule a history broke. */
export type LockHistoryRule =
  | 'token-repeated'
  | 'token-order'
  | 'holds-overlap'
  | 'write-order'
  | 'write-unissued'
  | 'write-refused'
  | 'phantom-busy'
  | 'ended-not-current'
  | 'released-twice';

/** One breach: the rule, what happened in a sentence, and the operations that prove it. */
export interface LockHistoryViolation {
  readonly rule: LockHistoryRule;
  readonly message: string;
  readonly operations: readonly LockOperation[];
}
