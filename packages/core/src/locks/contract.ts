import type { HolderInfo, LockLostReason } from '../errors.js';

/**
 * How a lease shares its key. `exclusive`: alone. `shared`: with any number of shared leases. `permit`: one of `permits`, with other
 * permit leases. The three never mix on one key.
 */
export type LockMode = 'exclusive' | 'shared' | 'permit';

/** What a lock store can do; public, read by core and by the conformance suite. */
export interface LockCapabilities {
  readonly shared: boolean;
  readonly permits: boolean;
  /** `notify`: `watch` tells when a key may be free or a waiter was granted it. `poll`: only asking tells. */
  readonly wake: 'notify' | 'poll';
  /** Whether waiters are served in the order in which they first asked with `waiter` (across processes). */
  readonly fairQueue: boolean;
  /** Whether a release from outside the holder's process takes effect at once, or when the holder's process answers. */
  readonly remoteRelease: 'immediate' | 'cooperative';
  /** Whether `acquireAll` is there and atomic. */
  readonly atomicAcquireAll: boolean;
  /** Whether fencing tokens keep rising after the store loses all its data (a clock seeds them). */
  readonly tokensSurviveDataLoss: boolean;
  /** How much later than `ttlMs` after its last extension an abandoned lease may be freed, milliseconds. It is never freed sooner. */
  expirySlackMs(ttlMs: number): number;
}

/** Names one lease in the store. */
export interface LeaseRef {
  readonly key: string;
  readonly leaseId: string;
  readonly mode: LockMode;
}

/** One attempt to take a lease. */
export interface AcquireRequest extends LeaseRef {
  readonly ownerId: string;
  readonly sessionId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Number of permits of the key; 1 unless `mode` is `permit`. */
  readonly permits: number;
  readonly ttlMs: number;
  /** Consecutive fencing tokens to reserve, for passing the lock on inside the process; default 1. */
  readonly tokens?: number;
  /**
   * Present when the caller will wait if refused: the store may queue `leaseId`, keep newcomers (new readers too) behind it, and grant it the lock when
   * its turn comes. The entry counts for `ttlMs` from each attempt; the waiting process refreshes it by attempting again.
   */
  readonly waiter?: { readonly ttlMs: number };
}

/** Outcome of one attempt. */
export type AcquireReply =
  | {
      readonly acquired: true;
      /** First of the reserved tokens, above every token issued for the key before. */
      readonly fencingToken: number;
      /** Last of the reserved tokens; equals `fencingToken` when one was asked for. */
      readonly lastToken: number;
    }
  | {
      readonly acquired: false;
      /** Who stands in the way; empty when only queued waiters do. */
      readonly holders: readonly HolderInfo[];
      /** When asking again makes sense if nobody wakes the caller, milliseconds: the earliest expiry in the way. */
      readonly retryAfterMs: number;
    };

/** One lease to extend. Fields beside the reference refresh what `inspect` shows (a lock passed on inside the process). */
export interface ExtendRequest extends LeaseRef {
  /** The token block's first token as granted; a lease with another token is not this one. */
  readonly fencingToken: number;
  readonly ttlMs: number;
  readonly holder?: {
    readonly ownerId: string;
    readonly fencingToken: number;
    readonly metadata?: Readonly<Record<string, string>>;
  };
}

/** Outcome of extending one lease: what is gone is lost, never re-created. */
export type ExtendReply = { readonly extended: true } | { readonly extended: false; readonly reason: LockLostReason };

/** One lease to release. */
export interface ReleaseRequest extends LeaseRef {
  readonly fencingToken: number;
  /** This process's next waiter on the key: attempt (or queue) it in the same step, after the release and behind those already queued. */
  readonly next?: AcquireRequest;
}

/** Outcome of releasing one lease. Releasing what is gone is no error. */
export interface ReleaseReply {
  readonly released: boolean;
  /** Why nothing was released; present exactly when `released` is false. */
  readonly reason?: LockLostReason;
  /** Outcome of `next`, when the store served it in the same step. */
  readonly next?: AcquireReply;
}

/** A key that is held, as `inspect` and `list` show it. */
export interface LockState {
  readonly key: string;
  readonly mode: LockMode;
  readonly permits: number;
  readonly holders: readonly HolderInfo[];
  /** Waiters that the store knows of; 0 where it keeps no queue. */
  readonly waiting: number;
  /** Highest token issued for the key so far. */
  readonly fencingToken: number;
}

/** Which locks to list: those whose key begins with `prefix` and, if given, with a holder of `sessionId`. */
export interface LockFilter {
  readonly prefix: string;
  readonly sessionId?: string;
}

/** Outcome of releasing a session: keys freed now, and keys whose holding process was told and has yet to answer. */
export interface ReleaseSessionReply {
  readonly released: readonly string[];
  readonly pending: readonly string[];
}

/** Outcome of a forced release. */
export interface ForceReleaseReply {
  /** The holders that were evicted; empty when nobody held the key. */
  readonly released: readonly HolderInfo[];
  /** Holders in other processes that were told and have yet to answer (cooperative stores). */
  readonly pending: readonly HolderInfo[];
  /** A token above every token issued for the key so far; write it to the resource to shut the evicted holders out at once. */
  readonly fencingToken: number;
  /** Other leases lost with the connection that `terminate` ended. */
  readonly collateral: readonly {
    readonly key: string;
    readonly leaseId: string;
  }[];
}

/** What a store tells its watchers. Hints may be lost or repeated; `lost` is certain. */
export interface LockStoreListener {
  /**
   * The key may be free, or a waiter of this store's may have been granted it: attempt again. With `leaseId` only that waiter need; a store that grants to
   * a queue should say whom, or every manager on it asks at each hand-off.
   */
  wake(key: string, leaseId?: string): void;
  /** A lease of this store's is gone. */
  lost(lease: { readonly key: string; readonly leaseId: string }, reason: LockLostReason): void;
}

/** Outcome of an atomic attempt on several keys. */
export type AcquireAllReply =
  | {
      readonly acquired: true;
      readonly leases: readonly {
        readonly fencingToken: number;
        readonly lastToken: number;
      }[];
    }
  | {
      readonly acquired: false;
      readonly conflicts: readonly {
        readonly key: string;
        readonly holders: readonly HolderInfo[];
      }[];
      readonly retryAfterMs: number;
    };

/** Options every call takes: `signal` aborts when the caller has given up on the reply. */
export interface StoreCallOptions {
  readonly signal?: AbortSignal;
}

/**
 * What an adapter implements to hold leases. Duties:
 * - One attempt per call; the store never waits, retries contention or renews by itself. Core does.
 * - Every operation can be repeated after a lost reply: acquiring with a lease id that holds is success with the stored tokens (and a full ttl);
 *   extending or releasing what is gone says so; cancelling a wait that is gone does nothing.
 * - An attempt that fails leaves nothing held, or a lease that its ttl ends.
 * - Tokens are safe integers, strictly increasing per key over release, expiry, force release and restarts:
 *   `max(last + 1, clock in microseconds)`. They are issued per key, not per lease mode.
 * - A lease whose ttl has passed is free to the next attempt and cannot be extended or released, even if nobody took it.
 * - Throws a `StoreError` when the store cannot answer; contention is a reply, never an error.
 */
export interface LockStore {
  /** The `store` label of every metric. */
  readonly name: string;
  /** Whose clock decides expiry. */
  readonly clock: 'store' | 'client';
  readonly capabilities: LockCapabilities;
  acquire(request: AcquireRequest, options?: StoreCallOptions): Promise<AcquireReply>;
  /** All of the requests, or none; distinct keys; no waiters. Present when `capabilities.atomicAcquireAll`. */
  acquireAll?(requests: readonly AcquireRequest[], options?: StoreCallOptions): Promise<AcquireAllReply>;
  /** Takes a waiter out of the queue and frees the lease if it was granted, even to an attempt that had no `waiter`: core calls it whenever an answer was lost or nobody is left to see it. */
  cancelWait(waiter: LeaseRef, options?: StoreCallOptions): Promise<void>;
  /** Extends each lease to `ttlMs` from now; one reply per request, in order. */
  extend(requests: readonly ExtendRequest[], options?: StoreCallOptions): Promise<readonly ExtendReply[]>;
  /** Releases each lease; one reply per request, in order. */
  release(requests: readonly ReleaseRequest[], options?: StoreCallOptions): Promise<readonly ReleaseReply[]>;
  /** The key as it stands; `null` when nobody holds it. */
  inspect(key: string, options?: StoreCallOptions): Promise<LockState | null>;
  /** Held keys; a snapshot that may miss what changes meanwhile, and never shows what was already released. */
  list(filter: LockFilter, options?: StoreCallOptions): AsyncIterable<LockState>;
  /** Releases every lease of the session on keys that begin with `prefix`, through whatever process it was taken. */
  releaseSession(
    session: { readonly prefix: string; readonly sessionId: string },
    options?: StoreCallOptions,
  ): Promise<ReleaseSessionReply>;
  /**
   * Evicts the holders of the key, or only the lease `leaseId`. `terminate` also ends holders that do not answer, at the price of their other leases.
   */
  forceRelease(
    key: string,
    options?: StoreCallOptions & { readonly terminate?: boolean; readonly leaseId?: string },
  ): Promise<ForceReleaseReply>;
  /** Registers a listener; returns how to take it away. Present when `capabilities.wake` is `notify` or losses can be told. */
  watch?(listener: LockStoreListener): () => void;
  /** Ends what the store itself opened; leases still held are left to their ttl or freed with their connection. Safe to call twice. */
  close(): Promise<void>;
}
