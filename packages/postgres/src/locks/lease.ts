import type { LockLostReason, LockMode } from '@headgate/core';
import type { HoldingConnection } from './holding-connection.js';
import type { KeyId } from './key-id.js';

/** A lease that this process holds, through one of its connections. */
export interface Lease {
  readonly id: KeyId;
  readonly leaseId: string;
  readonly mode: LockMode;
  readonly connection: HoldingConnection;
  readonly fencingToken: number;
  readonly lastToken: number;
  /** Which of a key's permits this is. */
  readonly slot: number | null;
  readonly sessionId: string | undefined;
  /** Monotonic milliseconds at which the lease ends unless it is extended. */
  deadlineMs: number;
  /** Looks whether the deadline has passed; when it fires, monotonic milliseconds. */
  timer: NodeJS.Timeout | undefined;
  timerAtMs: number;
}

/** Every lease of this process, by lease id and by advisory lock: the same session may take a lock twice, so the process has to know. */
export class OwnedLeases {
  readonly #byLease = new Map<string, Lease>();
  /** Leases whose advisory lock their session still has: to the moment at which the unlocking is on its way, not at which the lease ended. */
  readonly #inSession = new Map<string, Set<Lease>>();
  /** Why leases that are gone went, for those who ask late; bounded. */
  readonly #epitaphs = new Map<string, LockLostReason>();

  get size(): number {
    return this.#byLease.size;
  }

  find(key: string, leaseId: string): Lease | undefined {
    return this.#byLease.get(`${leaseId}\0${key}`);
  }

  /** Leases whose session has the advisory lock, whatever their key. */
  inSession(lockId: string): Iterable<Lease> {
    return this.#inSession.get(lockId) ?? [];
  }

  /** The session is giving the lease's lock back, or is gone. */
  leftSession(lease: Lease): void {
    const same = this.#inSession.get(lease.id.lockId);
    same?.delete(lease);
    if (same?.size === 0) this.#inSession.delete(lease.id.lockId);
  }

  *byLeaseId(leaseId: string): IterableIterator<Lease> {
    for (const lease of this.#byLease.values()) if (lease.leaseId === leaseId) yield lease;
  }

  all(): Lease[] {
    return [...this.#byLease.values()];
  }

  add(lease: Lease): void {
    this.#byLease.set(`${lease.leaseId}\0${lease.id.key}`, lease);
    const same = this.#inSession.get(lease.id.lockId);
    if (same) same.add(lease);
    else this.#inSession.set(lease.id.lockId, new Set([lease]));
  }

  /** Takes a lease out; false when it was out already. */
  remove(lease: Lease, why?: LockLostReason): boolean {
    clearTimeout(lease.timer);
    const name = `${lease.leaseId}\0${lease.id.key}`;
    if (this.#byLease.get(name) !== lease) return false;
    this.#byLease.delete(name);
    if (why !== undefined) this.#remember(name, why);
    return true;
  }

  /** Why the lease is not here: what ended it, or expired when nobody knows. */
  whyGone(key: string, leaseId: string): LockLostReason {
    return this.#epitaphs.get(`${leaseId}\0${key}`) ?? 'expired';
  }

  #remember(name: string, why: LockLostReason): void {
    this.#epitaphs.set(name, why);
    if (this.#epitaphs.size > 1_000) this.#epitaphs.delete(this.#epitaphs.keys().next().value as string);
  }
}
