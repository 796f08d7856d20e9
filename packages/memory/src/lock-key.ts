import type { AcquireRequest, HolderInfo, LockMode, LockState } from '@headgate/core';

/** A lease that holds. `deadlineMs` is monotonic; a lease holds while the clock is before it. */
export interface HeldLease {
  readonly request: AcquireRequest;
  readonly fencingToken: number;
  readonly lastToken: number;
  readonly acquiredAtMs: number;
  expiresAtMs: number;
  deadlineMs: number;
  /** Whom `inspect` shows: changes when the process passes the lock on inside itself. */
  ownerId: string;
  shownToken: number;
  metadata: Readonly<Record<string, string>> | undefined;
}

/** Somebody in the queue. */
interface Waiter {
  request: AcquireRequest;
  deadlineMs: number;
}

/** Who holds a key and who waits for it, in order. Knows no clock and tells nobody: the store does both. */
export class LockKey {
  readonly key: string;
  readonly leases: Map<string, HeldLease> = new Map();
  /** By lease id; a map keeps the order of arrival, also when an entry is refreshed. */
  readonly queue: Map<string, Waiter> = new Map();
  lastToken = 0;
  /** No lease or waiter expires before this monotonic instant. */
  dueMs: number = Infinity;
  #mode: LockMode = 'exclusive';
  #permits = 1;

  constructor(key: string) {
    this.key = key;
  }

  get idle(): boolean {
    return this.leases.size === 0 && this.queue.size === 0;
  }

  /** Whether the holders leave room for `request`, the queue aside. */
  admits(request: AcquireRequest): boolean {
    if (this.leases.size === 0) return true;
    if (request.mode !== this.#mode || request.mode === 'exclusive') return false;
    return request.mode === 'shared' || this.leases.size < request.permits;
  }

  /** Whether a newcomer may have the lock at once: there is room and nobody waits. */
  isOpenTo(request: AcquireRequest): boolean {
    return this.queue.size === 0 && this.admits(request);
  }

  hold(lease: HeldLease): void {
    this.queue.delete(lease.request.leaseId);
    this.leases.set(lease.request.leaseId, lease);
    this.#mode = lease.request.mode;
    this.#permits = lease.request.permits;
    this.lastToken = lease.lastToken;
    this.dueMs = Math.min(this.dueMs, lease.deadlineMs);
  }

  /** Moves a lease's end; it may come nearer. */
  prolong(lease: HeldLease, deadlineMs: number, expiresAtMs: number): void {
    lease.deadlineMs = deadlineMs;
    lease.expiresAtMs = expiresAtMs;
    this.dueMs = Math.min(this.dueMs, deadlineMs);
  }

  /** Joins the queue, or keeps the place in it for longer. */
  enqueue(request: AcquireRequest, deadlineMs: number): void {
    const waiter = this.queue.get(request.leaseId);
    if (waiter) {
      waiter.request = request;
      waiter.deadlineMs = deadlineMs;
    } else {
      this.queue.set(request.leaseId, { request, deadlineMs });
    }
    this.dueMs = Math.min(this.dueMs, deadlineMs);
  }

  /** The request whose turn it is, when there is room for it. */
  nextInLine(): AcquireRequest | undefined {
    for (const { request } of this.queue.values()) return this.admits(request) ? request : undefined;
    return undefined;
  }

  /** Drops waiters whose time has passed and returns the leases whose has, already removed. */
  expire(nowMs: number): readonly HeldLease[] {
    if (nowMs < this.dueMs) return [];
    const expired: HeldLease[] = [];
    let dueMs = Infinity;
    for (const lease of this.leases.values()) {
      if (lease.deadlineMs <= nowMs) expired.push(lease);
      else dueMs = Math.min(dueMs, lease.deadlineMs);
    }
    for (const lease of expired) this.leases.delete(lease.request.leaseId);
    for (const [leaseId, waiter] of this.queue) {
      if (waiter.deadlineMs <= nowMs) this.queue.delete(leaseId);
      else dueMs = Math.min(dueMs, waiter.deadlineMs);
    }
    this.dueMs = dueMs;
    return expired;
  }

  /** Earliest monotonic instant at which a holder's lease ends. */
  earliestDeadlineMs(): number {
    let earliest = Infinity;
    for (const { deadlineMs } of this.leases.values()) earliest = Math.min(earliest, deadlineMs);
    return earliest;
  }

  holders(): HolderInfo[] {
    return [...this.leases.values()].map(describe);
  }

  /** The key as `inspect` shows it; `null` when nobody holds it. */
  state(): LockState | null {
    if (this.leases.size === 0) return null;
    return {
      key: this.key,
      mode: this.#mode,
      permits: this.#permits,
      holders: this.holders(),
      waiting: this.queue.size,
      fencingToken: this.lastToken,
    };
  }
}

/** A lease as others see it. */
export function describe(lease: HeldLease): HolderInfo {
  const { sessionId, leaseId } = lease.request;
  return {
    leaseId,
    ownerId: lease.ownerId,
    ...(sessionId === undefined ? {} : { sessionId }),
    fencingToken: lease.shownToken,
    ...(lease.metadata === undefined ? {} : { metadata: lease.metadata }),
    acquiredAtMs: lease.acquiredAtMs,
    expiresAtMs: lease.expiresAtMs,
  };
}
