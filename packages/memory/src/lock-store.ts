import { ClosedError, systemClock } from '@headgate/core';
import { describe } from './lock-key.js';
import { LockListeners } from './lock-listeners.js';
import { LockTable } from './lock-table.js';
import { checkLockStoreOptions, checkMaxKeys } from './options.js';
import type {
  AcquireAllReply,
  AcquireReply,
  AcquireRequest,
  Clock,
  ClockTimer,
  ExtendReply,
  ExtendRequest,
  ForceReleaseReply,
  LeaseRef,
  LockCapabilities,
  LockFilter,
  LockLostReason,
  LockState,
  LockStore,
  LockStoreListener,
  ReleaseReply,
  ReleaseRequest,
  ReleaseSessionReply,
} from '@headgate/core';
import type { HeldLease, LockKey } from './lock-key.js';
import type { MemoryLockStoreOptions } from './options.js';

/**
 * A lock store in this process's memory, for locks between the tasks of one process and for tests. Several `createLocks` on one store meet
 * as several processes would. Leases expire by the monotonic clock; tokens follow the wall clock and never fall, whatever it does.
 */
export function memoryLockStore(
  options: MemoryLockStoreOptions = {},
): LockStore & Required<Pick<LockStore, 'acquireAll' | 'watch'>> {
  return new Store(checkLockStoreOptions(options));
}

class Store implements LockStore {
  readonly name = 'memory';
  readonly clock = 'store';
  readonly capabilities: LockCapabilities = {
    shared: true,
    permits: true,
    wake: 'notify',
    fairQueue: true,
    remoteRelease: 'immediate',
    atomicAcquireAll: true,
    tokensSurviveDataLoss: true,
    expirySlackMs: () => 0,
  };
  readonly #clock: Clock;
  readonly #table: LockTable;
  readonly #listeners = new LockListeners();
  /** One timer per key that somebody waits for, at the next expiry there. */
  readonly #timers = new Map<string, { readonly timer: ClockTimer; readonly atMs: number }>();
  /** One counter for all keys: nothing need be remembered of a key that nobody holds. */
  #lastToken = 0;
  #closed = false;

  constructor(options: MemoryLockStoreOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#table = new LockTable(this.name, checkMaxKeys(options.maxKeys));
  }

  async acquire(request: AcquireRequest): Promise<AcquireReply> {
    this.#assertOpen();
    const entry = this.#table.open(request.key, this.#tidy);
    const reply = this.#attempt(entry, request);
    this.#settle(entry);
    return reply;
  }

  async acquireAll(requests: readonly AcquireRequest[]): Promise<AcquireAllReply> {
    this.#assertOpen();
    const entries = requests.map(({ key }) => this.#current(key));
    const conflicts: { key: string; holders: LockState['holders'] }[] = [];
    let retryAfterMs = 0;
    requests.forEach((request, i) => {
      const entry = entries[i];
      if (!entry || entry.leases.has(request.leaseId) || entry.isOpenTo(request)) return;
      conflicts.push({ key: request.key, holders: entry.admits(request) ? [] : entry.holders() });
      retryAfterMs = Math.max(retryAfterMs, this.#untilExpiryMs(entry));
    });
    if (conflicts.length > 0) return { acquired: false, conflicts, retryAfterMs };
    // Before anything else looks at the clock again, or a lease could expire, and be granted to a waiter, between check and grant.
    const renewed = requests.map((request, i) => this.#renewed(entries[i], request));
    this.#table.makeRoom(entries.filter((entry) => !entry).length, this.#tidy);
    const leases = requests.map((request, i) => {
      const lease = renewed[i] ?? this.#grant(this.#table.open(request.key, this.#tidy), request);
      return { fencingToken: lease.fencingToken, lastToken: lease.lastToken };
    });
    return { acquired: true, leases };
  }

  async cancelWait(waiter: LeaseRef): Promise<void> {
    const entry = this.#current(waiter.key);
    if (!entry) return;
    entry.queue.delete(waiter.leaseId);
    const granted = entry.leases.get(waiter.leaseId);
    if (granted) this.#end(entry, granted);
    this.#settle(entry);
  }

  async extend(requests: readonly ExtendRequest[]): Promise<readonly ExtendReply[]> {
    return requests.map((request) => {
      const entry = this.#current(request.key);
      const lease = this.#held(entry, request);
      if (!entry || !lease) return { extended: false, reason: this.#whyGone(request) };
      this.#prolong(entry, lease, request.ttlMs);
      this.#settle(entry);
      if (request.holder) {
        lease.ownerId = request.holder.ownerId;
        lease.shownToken = request.holder.fencingToken;
        lease.metadata = request.holder.metadata;
      }
      return { extended: true };
    });
  }

  async release(requests: readonly ReleaseRequest[]): Promise<readonly ReleaseReply[]> {
    return requests.map((request) => {
      const lease = this.#held(this.#current(request.key), request);
      const reply: ReleaseReply = lease ? { released: true } : { released: false, reason: this.#whyGone(request) };
      if (!lease && !request.next) return reply;
      const entry = this.#table.open(request.key, this.#tidy);
      if (lease) this.#end(entry, lease);
      const next = request.next ? this.#attempt(entry, request.next) : undefined;
      this.#settle(entry);
      return next ? { ...reply, next } : reply;
    });
  }

  async inspect(key: string): Promise<LockState | null> {
    return this.#current(key)?.state() ?? null;
  }

  async *list({ prefix, sessionId }: LockFilter): AsyncIterable<LockState> {
    for (const { key } of this.#table.snapshot()) {
      if (!key.startsWith(prefix)) continue;
      const state = this.#current(key)?.state();
      if (!state) continue;
      if (sessionId === undefined || state.holders.some((holder) => holder.sessionId === sessionId)) yield state;
    }
  }

  async releaseSession(session: { readonly prefix: string; readonly sessionId: string }): Promise<ReleaseSessionReply> {
    const released = new Set<string>();
    for (const [leaseId, key] of this.#table.sessionLeases(session.sessionId)) {
      const entry = key.startsWith(session.prefix) ? this.#current(key) : undefined;
      const lease = entry?.leases.get(leaseId);
      if (!entry || !lease) continue;
      this.#end(entry, lease, 'session');
      this.#settle(entry);
      released.add(key);
    }
    return { released: [...released], pending: [] };
  }

  async forceRelease(key: string, options: { readonly leaseId?: string } = {}): Promise<ForceReleaseReply> {
    const entry = this.#current(key);
    const evicted = [...(entry?.leases.values() ?? [])].filter(
      ({ request }) => options.leaseId === undefined || request.leaseId === options.leaseId,
    );
    const released = evicted.map(describe);
    // Issued before anybody in the queue gets the lock: above the evicted, below the next.
    const fencingToken = this.#issueTokens(1);
    if (entry) {
      entry.lastToken = fencingToken;
      for (const lease of evicted) this.#end(entry, lease, 'forced');
      this.#settle(entry);
    }
    return { released, pending: [], fencingToken, collateral: [] };
  }

  watch(listener: LockStoreListener): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#timers.values()) timer.clear();
    this.#timers.clear();
    this.#listeners.clear();
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError('The memory lock store is closed');
  }

  /** One attempt on an entry, which the caller settles afterwards. */
  #attempt(entry: LockKey, request: AcquireRequest): AcquireReply {
    this.#advance(entry);
    const lease = this.#renewed(entry, request) ?? (entry.isOpenTo(request) ? this.#grant(entry, request) : undefined);
    if (lease) return { acquired: true, fencingToken: lease.fencingToken, lastToken: lease.lastToken };
    if (request.waiter) entry.enqueue(request, this.#clock.monotonicMs() + request.waiter.ttlMs);
    return {
      acquired: false,
      holders: entry.admits(request) ? [] : entry.holders(),
      retryAfterMs: this.#untilExpiryMs(entry),
    };
  }

  /** The lease of a repeated attempt, with a full ttl again. */
  #renewed(entry: LockKey | undefined, request: AcquireRequest): HeldLease | undefined {
    const lease = entry?.leases.get(request.leaseId);
    if (entry && lease) this.#prolong(entry, lease, request.ttlMs);
    return lease;
  }

  #grant(entry: LockKey, request: AcquireRequest): HeldLease {
    const fencingToken = this.#issueTokens(request.tokens ?? 1);
    const nowMs = this.#nowMs();
    const lease: HeldLease = {
      request,
      fencingToken,
      lastToken: this.#lastToken,
      acquiredAtMs: nowMs,
      expiresAtMs: nowMs + request.ttlMs,
      deadlineMs: this.#clock.monotonicMs() + request.ttlMs,
      ownerId: request.ownerId,
      shownToken: fencingToken,
      metadata: request.metadata,
    };
    entry.hold(lease);
    this.#table.enter(entry.key, lease);
    return lease;
  }

  #prolong(entry: LockKey, lease: HeldLease, ttlMs: number): void {
    entry.prolong(lease, this.#clock.monotonicMs() + ttlMs, this.#nowMs() + ttlMs);
  }

  /** Ends a lease that holds; with a reason when it was not its holder's wish. */
  #end(entry: LockKey, lease: HeldLease, reason?: LockLostReason): void {
    entry.leases.delete(lease.request.leaseId);
    this.#table.leave(lease, reason);
    if (reason !== undefined) this.#listeners.lost(entry.key, lease.request.leaseId, reason);
    // While somebody is in line, nobody else need ask: whose turn it is will be told.
    if (entry.queue.size === 0) this.#listeners.wake(entry.key);
  }

  /** Brings an entry up to the present: what has expired goes, and those whose turn it is are granted the lock. */
  #advance(entry: LockKey): void {
    for (const lease of entry.expire(this.#clock.monotonicMs())) this.#end(entry, lease, 'expired');
    for (let next = entry.nextInLine(); next; next = entry.nextInLine()) {
      this.#grant(entry, next);
      this.#listeners.granted(entry.key, next.leaseId);
    }
  }

  /** Ends a step: advances the entry, sees to its timer, and forgets it when nothing is left. */
  #settle(entry: LockKey): void {
    this.#advance(entry);
    this.#table.dropIfIdle(entry);
    const armed = this.#timers.get(entry.key);
    const atMs = entry.queue.size > 0 && !this.#closed ? entry.dueMs : Infinity;
    // An alarm that is too early does no harm: it looks, and is set anew.
    if (armed && armed.atMs <= atMs && atMs !== Infinity) return;
    armed?.timer.clear();
    this.#timers.delete(entry.key);
    if (atMs === Infinity) return;
    const timer = this.#clock.setTimer(
      () => {
        this.#timers.delete(entry.key);
        this.#settle(entry);
      },
      Math.max(0, atMs - this.#clock.monotonicMs()),
    );
    timer.unref();
    this.#timers.set(entry.key, { timer, atMs });
  }

  readonly #tidy = (entry: LockKey): void => this.#settle(entry);

  /** The key's entry as of now; `undefined` when nobody holds it or waits for it. */
  #current(key: string): LockKey | undefined {
    const entry = this.#table.find(key);
    if (entry) this.#settle(entry);
    return entry?.idle === false ? entry : undefined;
  }

  #held(
    entry: LockKey | undefined,
    ref: { readonly leaseId: string; readonly fencingToken: number },
  ): HeldLease | undefined {
    const lease = entry?.leases.get(ref.leaseId);
    return lease?.fencingToken === ref.fencingToken ? lease : undefined;
  }

  #whyGone({ key, leaseId }: LeaseRef): LockLostReason {
    const reason = this.#table.whyGone(leaseId);
    const entry = this.#table.find(key);
    return reason === 'expired' && entry && entry.leases.size > 0 ? 'stolen' : reason;
  }

  #untilExpiryMs(entry: LockKey): number {
    return Math.max(0, entry.earliestDeadlineMs() - this.#clock.monotonicMs());
  }

  #nowMs(): number {
    return Math.floor(this.#clock.nowUs() / 1000);
  }

  /** Reserves tokens above all issued so far, for whatever key; returns the first. */
  #issueTokens(count: number): number {
    const first = Math.max(this.#lastToken + 1, this.#clock.nowUs());
    this.#lastToken = first + count - 1;
    return first;
  }
}
