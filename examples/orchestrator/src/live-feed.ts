import { ClosedError, StoreError } from '@headgate/core';
import type { FileLockManager } from './file-lock-manager.js';
import type { Instance, Instances } from './instances.js';
import type { RateLimiter } from './rate-limiter.js';

/** One lock as the page shows it. */
export interface LockView {
  readonly path: string;
  readonly sessionId: string;
  readonly fencingToken: number;
  readonly heldMs: number;
  readonly expiresInMs: number;
  readonly waiting: number;
}

/** What the page is told twice a second. */
export interface Snapshot {
  readonly instance: string;
  readonly store: string;
  readonly atMs: number;
  readonly instances: readonly Instance[];
  readonly locks: readonly LockView[];
  readonly waiting: readonly { readonly path: string; readonly sessionId: string; readonly waitedMs: number }[];
  readonly allowedPerSecond: number;
  readonly deniedPerSecond: number;
  readonly fallback: boolean;
  /** Whether the lock store answered; its last answer is shown while it does not. */
  readonly storeUp: boolean;
  readonly adminEnabled: boolean;
}

/** Options of {@link LiveFeed}. */
export interface LiveFeedOptions {
  readonly instance: string;
  readonly store: string;
  readonly url: () => string;
  readonly limiter: RateLimiter;
  readonly locks: FileLockManager;
  readonly instances: Instances;
  readonly adminEnabled: boolean;
}

const intervalMs = 500;

/** Tells every listener what happens here; asks the store only while somebody listens. */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #listeners = new Set<(snapshot: Snapshot) => void>();
  #timer: NodeJS.Timeout | undefined;
  #locks: readonly LockView[] = [];
  #last = { allowed: 0, denied: 0, at: performance.now() };

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  /** Registers a listener; returns how to take it away. */
  listen(listener: (snapshot: Snapshot) => void): () => void {
    this.#listeners.add(listener);
    if (!this.#timer) {
      this.#last = { ...this.#options.limiter.totals, at: performance.now() };
      this.#schedule(0);
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  // The next look begins after this one has ended: a slow store is not asked twice at once.
  #schedule(delayMs: number): void {
    const timer = setTimeout(() => {
      void this.#look().then((snapshot) => {
        // Closed meanwhile, or closed and begun anew: those who listen now have a timer of their own.
        if (this.#timer !== timer) return;
        for (const listener of this.#listeners) listener(snapshot);
        this.#schedule(intervalMs);
      });
    }, delayMs);
    this.#timer = timer;
  }

  async #look(): Promise<Snapshot> {
    const { instance, store, limiter, locks, instances, adminEnabled, url } = this.#options;
    let storeUp = true;
    try {
      await instances.announce(url());
      await instances.list();
      this.#locks = await listLocks(locks);
    } catch (error) {
      // Closed: the instance is being stopped while a look was under way.
      if (!(error instanceof StoreError || error instanceof ClosedError)) throw error;
      storeUp = false;
    }
    const totals = limiter.totals;
    const now = performance.now();
    const elapsed = Math.max(1, now - this.#last.at) / 1000;
    const rates = {
      allowedPerSecond: (totals.allowed - this.#last.allowed) / elapsed,
      deniedPerSecond: (totals.denied - this.#last.denied) / elapsed,
    };
    this.#last = { ...totals, at: now };
    return {
      instance,
      store,
      atMs: Date.now(),
      instances: instances.lastKnown,
      locks: this.#locks,
      waiting: locks.waiting.map(({ key, sessionId, waitedMs }) => ({
        path: key,
        sessionId: sessionId ?? '',
        waitedMs,
      })),
      ...rates,
      fallback: limiter.fallback.active,
      storeUp,
      adminEnabled,
    };
  }
}

async function listLocks(locks: FileLockManager): Promise<readonly LockView[]> {
  const views: LockView[] = [];
  for await (const { key, holders, waiting } of locks.list()) {
    for (const holder of holders) {
      views.push({
        path: key,
        sessionId: holder.sessionId ?? '',
        fencingToken: holder.fencingToken,
        heldMs: Math.max(0, Date.now() - holder.acquiredAtMs),
        expiresInMs: Math.max(0, holder.expiresAtMs - Date.now()),
        // The store's queue knows one waiter of each process at a time; this process knows all of its own.
        waiting: Math.max(waiting, locks.waiting.filter((waiter) => waiter.key === key).length),
      });
    }
  }
  return views.sort((a, b) => a.path.localeCompare(b.path));
}
