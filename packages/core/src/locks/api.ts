import type { Clock } from '../clock.js';
import type { HolderInfo } from '../errors.js';
import type { Hooks } from '../hooks/events.js';
import type { ForceReleaseReply, LockMode, LockState, LockStore, ReleaseSessionReply } from './contract.js';

/** Options of {@link Locks} construction. */
export interface LocksOptions {
  /** Configured name: part of every key and the `lock` label. Locks of different names never meet. */
  readonly name: string;
  readonly store: LockStore;
  /** Default time to live of a lease without extension, milliseconds. */
  readonly ttlMs: number;
  /** Extend leases until they are released, every third of their ttl; default true. */
  readonly renew?: boolean | undefined;
  /** Taken off every deadline, milliseconds, for clocks that run at different speeds; default 1 + ttl / 1000 rounded up. */
  readonly driftMs?: number | undefined;
  /** Longest wait for one store call, milliseconds; default 2,000, and never past a lease's deadline for its own extension. */
  readonly timeoutMs?: number | undefined;
  /**
   * Longest sleep between attempts of a waiter whom nobody wakes, milliseconds; default 1,000 for stores that notify, 250 for stores that poll. Jittered.
   * With a store that polls it grows by 1.6 each time the same holder refuses, up to 24 times this.
   */
  readonly pollMs?: number | undefined;
  /**
   * Passing a contended lock on inside the process before others get it: to those in line when it was granted and half as many again, but most leases in a
   * row (default 16; 1 turns it off) and longest time (default 100 ms).
   */
  readonly passOn?:
    | {
        readonly maxLeases?: number | undefined;
        readonly maxMs?: number | undefined;
      }
    | undefined;
  /** Who holds, as `inspect` shows it; default host name, pid and a random part. */
  readonly ownerId?: string | undefined;
  /** Most acquires waiting in this process before {@link QueueFullError}; default 100,000. */
  readonly maxQueue?: number | undefined;
  readonly hooks?: Hooks | undefined;
  readonly clock?: Clock | undefined;
}

/** Options of taking a lock. */
export interface TryAcquireOptions {
  readonly ttlMs?: number | undefined;
  readonly mode?: LockMode | undefined;
  /** Number of permits of the key; with `mode: 'permit'` only, 1 to 10,000. */
  readonly permits?: number | undefined;
  readonly sessionId?: string | undefined;
  /** Shown by `inspect` and to those refused: up to 16 string pairs, 2 kB in all. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly renew?: boolean | undefined;
  readonly ownerId?: string | undefined;
  /** Aborting gives up: the call rejects with `signal.reason` and leaves nothing held or queued. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of waiting for a lock. */
export interface AcquireOptions extends TryAcquireOptions {
  /** Longest wait, milliseconds; default 10,000. 0 makes one attempt. */
  readonly waitMs?: number | undefined;
}

/** A lease that was granted. Lost is not released: watch `signal`, call `assertHeld` before each step that matters, and check tokens at the resource. */
export interface Lock extends AsyncDisposable {
  readonly key: string;
  readonly mode: LockMode;
  readonly leaseId: string;
  readonly ownerId: string;
  readonly sessionId?: string;
  /** Above every token issued for the key before; a safe integer. Send it with every write and let the resource refuse smaller ones. */
  readonly fencingToken: number;
  /** Aborts, with a {@link LockLostError}, when the lease is lost or its deadline passes, whatever the store is doing. Never by a release. */
  readonly signal: AbortSignal;
  /** Local wall clock, epoch milliseconds, until which the lease is certain unless it is extended. */
  readonly expiresAtMs: number;
  /** Whether the deadline has not passed by the monotonic clock and the lease was neither lost nor released. Synchronous: true even of a blocked event loop. */
  readonly held: boolean;
  /** Throws {@link LockLostError} unless `held`. */
  assertHeld(): void;
  /** Extends to `ttlMs` from now (default: the lease's own); throws {@link LockLostError} when it is gone. */
  extend(ttlMs?: number): Promise<void>;
  /** Releases; `released` is false, with the reason, when the lease was already gone. Safe to repeat: later calls resolve to what the first one did. */
  release(): Promise<{ readonly released: boolean; readonly reason?: string }>;
}

/** Outcome of {@link Locks.tryAcquire}. */
export type TryAcquireResult =
  | { readonly acquired: true; readonly lock: Lock }
  | {
      readonly acquired: false;
      readonly holders: readonly HolderInfo[];
      /** When asking again makes sense if nobody releases before, milliseconds. */
      readonly retryAfterMs: number;
    };

/** Locks that were taken together: all or none. */
export interface LockGroup extends AsyncDisposable {
  readonly locks: readonly Lock[];
  /** Aborts when any of them is lost. */
  readonly signal: AbortSignal;
  assertHeld(): void;
  release(): Promise<void>;
}

/** Leases that belong together and can be released together, from any process. */
export interface LockSession extends AsyncDisposable {
  readonly id: string;
  acquire(key: string, options?: AcquireOptions): Promise<Lock>;
  tryAcquire(key: string, options?: TryAcquireOptions): Promise<TryAcquireResult>;
  withLock<T>(key: string, work: (lock: Lock) => T | Promise<T>, options?: AcquireOptions): Promise<T>;
  list(): AsyncIterable<LockState>;
  /** Releases every lease of the session, through whatever process it was taken; what is acquired meanwhile stays. */
  releaseAll(): Promise<ReleaseSessionReply>;
}

/** Locks over one store. Make one with `createLocks`. */
export interface Locks {
  readonly name: string;
  readonly store: string;
  /** Takes the lock, waiting up to `waitMs`; throws {@link AcquireTimeoutError} (naming the holders), `signal.reason`, or a {@link StoreError}. */
  acquire(key: string, options?: AcquireOptions): Promise<Lock>;
  /** One attempt; contention is a value. */
  tryAcquire(key: string, options?: TryAcquireOptions): Promise<TryAcquireResult>;
  /** Runs `work` while holding the lock and releases it afterwards, whatever happens. When the lease was lost meanwhile, rejects with {@link LockLostError} (its `cause` is what `work` threw). */
  withLock<T>(key: string, work: (lock: Lock) => T | Promise<T>, options?: AcquireOptions): Promise<T>;
  /** Takes all of the keys or none, in one atomic step where the store can, else in sorted order with roll-back. */
  acquireAll(keys: readonly string[], options?: AcquireOptions): Promise<LockGroup>;
  session(
    id: string,
    options?: {
      readonly metadata?: Readonly<Record<string, string>> | undefined;
    },
  ): LockSession;
  releaseSession(id: string): Promise<ReleaseSessionReply>;
  inspect(key: string): Promise<LockState | null>;
  list(filter?: { readonly sessionId?: string | undefined }): AsyncIterable<LockState>;
  /**
   * Evicts the holders of a key, or only the lease `leaseId` (as `inspect` shows it); tell the resource the token it returns. `terminate` also ends
   * holders that do not answer, at the price of what else they hold.
   */
  forceRelease(
    key: string,
    options?: { readonly terminate?: boolean | undefined; readonly leaseId?: string | undefined },
  ): Promise<ForceReleaseReply>;
  /** Leases held and acquires waiting in this process, for a status page. */
  local(): {
    readonly held: readonly Lock[];
    readonly waiting: readonly {
      readonly key: string;
      readonly sessionId?: string;
      /** How long it has waited so far, milliseconds. */
      /** Time it has waited so far, milliseconds. */
      readonly waitedMs: number;
    }[];
  };
  /** Releases what this manager holds, aborts its waiters with {@link ClosedError}. Does not close the store. Throws a {@link StoreError} when the store did not answer the release. */
  close(): Promise<void>;
}
