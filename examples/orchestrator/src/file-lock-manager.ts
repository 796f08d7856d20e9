import { AcquireTimeoutError, createFencedRegister, createLocks } from '@headgate/core';
import type {
  FencedRegister,
  FencedState,
  Hooks,
  HolderInfo,
  Lock,
  Locks,
  LockState,
  LockStore,
  ReleaseSessionReply,
} from '@headgate/core';

/** A lease that a session was given on a path. */
export interface FileLock {
  readonly path: string;
  readonly fencingToken: number;
  readonly expiresAtMs: number;
}

/** Outcome of {@link FileLockManager.acquireLock}. */
export type AcquireLockResult =
  | { readonly acquired: true; readonly lock: FileLock }
  | { readonly acquired: false; readonly holder: HolderInfo | undefined; readonly retryAfterMs: number };

/** Options of {@link FileLockManager.acquireLock}. */
export interface AcquireLockOptions {
  readonly ttlMs?: number | undefined;
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Locks on files, held by sessions, visible to and releasable from every instance. */
export class FileLockManager {
  readonly #locks: Locks;
  /** Leases taken through this instance, by lease id; others are found through the store. */
  readonly #leases = new Map<string, Lock>();

  constructor(options: {
    readonly store: LockStore;
    readonly hooks: Hooks;
    readonly ttlMs: number;
    readonly ownerId: string;
  }) {
    // A client over HTTP keeps its lease by its ttl alone: nobody here knows whether it still lives, so nothing is renewed for it.
    this.#locks = createLocks({ name: 'files', renew: false, ...options });
  }

  /** Takes the lock on `path` for a session, waiting up to `waitMs` (default 0: one attempt). */
  async acquireLock(sessionId: string, path: string, options: AcquireLockOptions = {}): Promise<AcquireLockResult> {
    const { waitMs = 0, ttlMs, signal } = options;
    const result =
      waitMs === 0
        ? await this.#locks.tryAcquire(path, { sessionId, ttlMs, signal })
        : await this.#wait(sessionId, path, waitMs, options);
    if (!result.acquired) return { acquired: false, holder: result.holders[0], retryAfterMs: result.retryAfterMs };
    const { lock } = result;
    this.#leases.set(lock.leaseId, lock);
    lock.signal.addEventListener('abort', () => this.#leases.delete(lock.leaseId), { once: true });
    return { acquired: true, lock: { path, fencingToken: lock.fencingToken, expiresAtMs: lock.expiresAtMs } };
  }

  async #wait(
    sessionId: string,
    path: string,
    waitMs: number,
    options: AcquireLockOptions,
  ): Promise<
    { acquired: true; lock: Lock } | { acquired: false; holders: readonly HolderInfo[]; retryAfterMs: number }
  > {
    try {
      return {
        acquired: true,
        lock: await this.#locks.acquire(path, { sessionId, waitMs, ttlMs: options.ttlMs, signal: options.signal }),
      };
    } catch (error) {
      if (!(error instanceof AcquireTimeoutError)) throw error;
      const expiresAtMs = error.holders[0]?.expiresAtMs ?? Date.now();
      return { acquired: false, holders: error.holders, retryAfterMs: Math.max(0, expiresAtMs - Date.now()) };
    }
  }

  /** Releases a session's lock on `path`, through whatever instance it was taken; false when the session holds none. */
  async releaseLock(sessionId: string, path: string): Promise<boolean> {
    for (const lock of this.#leases.values()) {
      if (lock.key !== path || lock.sessionId !== sessionId) continue;
      this.#leases.delete(lock.leaseId);
      return (await lock.release()).released;
    }
    const holder = (await this.#locks.inspect(path))?.holders.find((candidate) => candidate.sessionId === sessionId);
    if (!holder) return false;
    const { released, pending } = await this.#locks.forceRelease(path, { leaseId: holder.leaseId });
    return released.length + pending.length > 0;
  }

  /** Releases every lock of a session, through whatever instance it was taken. */
  async releaseSessionLocks(sessionId: string): Promise<ReleaseSessionReply> {
    const reply = await this.#locks.releaseSession(sessionId);
    for (const lock of this.#leases.values()) if (!lock.held) this.#leases.delete(lock.leaseId);
    return reply;
  }

  /** Evicts whoever holds `path`. */
  async forceRelease(path: string): Promise<readonly HolderInfo[]> {
    const { released, pending } = await this.#locks.forceRelease(path);
    return [...released, ...pending];
  }

  /** A register that lets only holders of these locks write, by the tokens kept in `state`. */
  fence(state: FencedState): FencedRegister {
    return createFencedRegister({ locks: this.#locks, state });
  }

  list(): AsyncIterable<LockState> {
    return this.#locks.list();
  }

  /** Acquires waiting in this instance. */
  get waiting(): readonly { readonly key: string; readonly sessionId?: string; readonly waitedMs: number }[] {
    return this.#locks.local().waiting;
  }

  close(): Promise<void> {
    return this.#locks.close();
  }
}
