/** Stable codes of every error this library throws; compare these rather than classes, since a tree may hold two copies of a package. */
export type HeadgateErrorCode =
  | 'HEADGATE_INVALID_ARGUMENT'
  | 'HEADGATE_UNSUPPORTED'
  | 'HEADGATE_CLOSED'
  | 'HEADGATE_QUEUE_FULL'
  | 'HEADGATE_STORE'
  | 'HEADGATE_STORE_TIMEOUT'
  | 'HEADGATE_STORE_CONTENDED'
  | 'HEADGATE_STORE_FULL'
  | 'HEADGATE_RECORD_VERSION'
  | 'HEADGATE_ACQUIRE_TIMEOUT'
  | 'HEADGATE_LOCK_LOST'
  | 'HEADGATE_FENCED';

/** Base of every error of this library: a stable `code` and, where something else failed first, the standard `cause`. */
export class HeadgateError extends Error {
  readonly code: HeadgateErrorCode;

  /** What `details` holds beside a `cause` becomes fields of the error. */
  constructor(code: HeadgateErrorCode, message: string, details: object & ErrorOptions = {}) {
    const { cause, ...fields } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    Object.assign(this, fields);
  }
}

/** An option or argument was refused before any store was touched; the message says what was expected and what came. */
export class InvalidArgumentError extends HeadgateError {
  constructor(message: string, options?: ErrorOptions) {
    super('HEADGATE_INVALID_ARGUMENT', message, options);
  }
}

/** The store's declared capabilities do not include what was asked for. */
export class UnsupportedError extends HeadgateError {
  constructor(message: string, options?: ErrorOptions) {
    super('HEADGATE_UNSUPPORTED', message, options);
  }
}

/** The limiter, lock manager or store was used after `close()`. */
export class ClosedError extends HeadgateError {
  constructor(message: string, options?: ErrorOptions) {
    super('HEADGATE_CLOSED', message, options);
  }
}

/** More calls were waiting in this process than `maxQueue` allows; nothing was sent for this one. */
export class QueueFullError extends HeadgateError {
  declare readonly maxQueue: number;

  constructor(message: string, details: { readonly maxQueue: number }) {
    super('HEADGATE_QUEUE_FULL', message, details);
  }
}

/** What kind of trouble a store had; the closed list behind the `kind` label of `headgate_store_errors_total`. */
export type StoreErrorKind =
  | 'timeout'
  | 'connection'
  | 'throttled'
  | 'script'
  | 'auth'
  | 'contended'
  | 'full'
  | 'other';

/** Details of a {@link StoreError}. */
export interface StoreErrorDetails {
  /** Name of the store that failed, as in `store.name`. */
  readonly store: string;
  readonly kind: StoreErrorKind;
  /** What the store threw, when there was such a thing. */
  readonly cause?: unknown;
}

/**
 * The store could not answer: unreachable, slow, refusing or broken. Never a denial, never "not owned". Whether a write
 * took effect is unknown unless the message says so.
 */
export class StoreError extends HeadgateError {
  declare readonly store: string;
  declare readonly kind: StoreErrorKind;

  constructor(message: string, details: StoreErrorDetails, code: HeadgateErrorCode = 'HEADGATE_STORE') {
    super(code, message, details);
  }
}

/** The store did not answer within `timeoutMs`; the operation may or may not have taken effect. */
export class StoreTimeoutError extends StoreError {
  declare readonly timeoutMs: number;

  constructor(
    message: string,
    details: {
      readonly store: string;
      readonly timeoutMs: number;
      readonly cause?: unknown;
    },
  ) {
    super(message, { ...details, kind: 'timeout' }, 'HEADGATE_STORE_TIMEOUT');
  }
}

/** The error of a store that did not do in time what it should: `Store <name> <failing>`. */
export function storeTimeout(store: string, timeoutMs: number, failing: string): StoreTimeoutError {
  return new StoreTimeoutError(`Store ${store} ${failing}`, { store, timeoutMs });
}

/** Others changed the record at each of the store's bounded attempts: neither a denial nor an outage; nothing was charged. */
export class StoreContendedError extends StoreError {
  declare readonly attempts: number;

  constructor(
    message: string,
    details: {
      readonly store: string;
      readonly attempts: number;
      readonly cause?: unknown;
    },
  ) {
    super(message, { ...details, kind: 'contended' }, 'HEADGATE_STORE_CONTENDED');
  }
}

/** The store is at its declared capacity and holds only live records; the new key was refused, nothing was evicted. */
export class StoreFullError extends StoreError {
  constructor(message: string, details: { readonly store: string; readonly cause?: unknown }) {
    super(message, { ...details, kind: 'full' }, 'HEADGATE_STORE_FULL');
  }
}

/** A stored record has a format version this release does not know, or is not a record of ours; it was left untouched. */
export class RecordVersionError extends StoreError {
  constructor(message: string, details: { readonly store: string; readonly cause?: unknown }) {
    super(message, { ...details, kind: 'other' }, 'HEADGATE_RECORD_VERSION');
  }
}

/** Who stands in the way of an acquire, as far as the store could tell. */
export interface HolderInfo {
  readonly leaseId: string;
  readonly ownerId: string;
  readonly sessionId?: string;
  readonly fencingToken: number;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Epoch milliseconds by the store's clock at which the lease was taken. */
  readonly acquiredAtMs: number;
  /** Epoch milliseconds by the store's clock at which the lease ends unless it is extended. */
  readonly expiresAtMs: number;
}

/** `waitMs` passed and others still held the lock; `holders` names them as of the last attempt. */
export class AcquireTimeoutError extends HeadgateError {
  declare readonly key: string;
  declare readonly waitMs: number;
  declare readonly holders: readonly HolderInfo[];

  constructor(
    message: string,
    details: {
      readonly key: string;
      readonly waitMs: number;
      readonly holders: readonly HolderInfo[];
    },
  ) {
    super('HEADGATE_ACQUIRE_TIMEOUT', message, details);
  }
}

/** Why a lease ended without its holder releasing it. */
export type LockLostReason = 'expired' | 'stolen' | 'forced' | 'session' | 'connection' | 'closed';

/** The lease is no longer held: stop writing. The reason of `lock.signal` and what `assertHeld` throws. */
export class LockLostError extends HeadgateError {
  declare readonly key: string;
  declare readonly fencingToken: number;
  declare readonly reason: LockLostReason;

  constructor(
    message: string,
    details: {
      readonly key: string;
      readonly fencingToken: number;
      readonly reason: LockLostReason;
      readonly cause?: unknown;
    },
  ) {
    super('HEADGATE_LOCK_LOST', message, details);
  }
}

/** A fenced resource refused a write: the token is older than one it has seen (`stale`) or was never issued (`unissued`). */
export class FencedError extends HeadgateError {
  declare readonly fencingToken: number;
  declare readonly currentToken: number;
  declare readonly reason: 'stale' | 'unissued';

  constructor(
    message: string,
    details: {
      readonly fencingToken: number;
      readonly currentToken: number;
      readonly reason: 'stale' | 'unissued';
    },
  ) {
    super('HEADGATE_FENCED', message, details);
  }
}

/** Whether `error` is a store's failure to answer; by code, since a tree may hold two copies of this package. */
export function isStoreError(error: unknown): error is StoreError {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && (code.startsWith('HEADGATE_STORE') || code === 'HEADGATE_RECORD_VERSION');
}
