import type { LeaseRef, LockLostReason, LockMode } from '@headgate/core';
import type { HoldingConnection } from './holding-connection.js';
import type { KeyId } from './key-id.js';

/** A lease that this process holds, through one of its connections. */
export interface Lease {
  readonly name: string;
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
}

/** Names a lease within the process: one lease id may be that of several keys. */
export function leaseName({ key, leaseId }: Pick<LeaseRef, 'key' | 'leaseId'>): string {
  return `${leaseId}\0${key}`;
}

const none: readonly Lease[] = [];

/** Every lease of this process, by name and by advisory lock: the same session may take a lock twice, so the process has to know. */
export class OwnedLeases {
  readonly #byName = new Map<string, Lease>();
  /** Leases whose advisory lock their session still has: to the moment at which the unlocking is on its way, not at which the lease ended. */
  readonly #inSession = new Map<string, Lease[]>();
  /** Why leases that are gone went, for those who ask late; bounded. */
  readonly #epitaphs = new Map<string, LockLostReason>();

  get size(): number {
    return this.#byName.size;
  }

  find(name: string): Lease | undefined {
    return this.#byName.get(name);
  }

  /** Leases whose session has the advisory lock, whatever their key. */
  inSession(lockId: string): readonly Lease[] {
    return this.#inSession.get(lockId) ?? none;
  }

  /** The session is giving the lease's lock back, or is gone. */
  leftSession(lease: Lease): void {
    const { lockId } = lease.id;
    const others = this.inSession(lockId).filter((each) => each !== lease);
    if (others.length > 0) this.#inSession.set(lockId, others);
    else this.#inSession.delete(lockId);
  }

  *byLeaseId(leaseId: string): IterableIterator<Lease> {
    for (const lease of this.#byName.values()) if (lease.leaseId === leaseId) yield lease;
  }

  all(): Lease[] {
    return [...this.#byName.values()];
  }

  add(lease: Lease): void {
    this.#byName.set(lease.name, lease);
    const same = this.#inSession.get(lease.id.lockId);
    if (same) same.push(lease);
    else this.#inSession.set(lease.id.lockId, [lease]);
  }

  /** Takes a lease out; false when it was out already. */
  remove(lease: Lease, why?: LockLostReason): boolean {
    const { name } = lease;
    if (this.#byName.get(name) !== lease) return false;
    this.#byName.delete(name);
    if (why !== undefined) this.#remember(name, why);
    return true;
  }

  /** Why the lease is not here: what ended it, or expired when nobody knows. */
  whyGone(name: string): LockLostReason {
    return this.#epitaphs.get(name) ?? 'expired';
  }

  #remember(name: string, why: LockLostReason): void {
    this.#epitaphs.set(name, why);
    if (this.#epitaphs.size > 1_000) this.#epitaphs.delete(this.#epitaphs.keys().next().value as string);
  }
}
