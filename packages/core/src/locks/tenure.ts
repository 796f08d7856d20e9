import type { HolderInfo, LockLostReason } from '../errors.js';
import type { Lease } from './lease.js';
import type { LeaseRef, LockMode } from './contract.js';
import type { Want } from './want.js';

/** What a successful acquire or extend proves: that the lease lasts `ttlMs` from when the call was sent, less `driftMs`. */
export interface Proof {
  readonly sentMs: number;
  readonly sentAtMs: number;
  readonly ttlMs: number;
  readonly driftMs: number;
}

/**
 * One lease as the store knows it. Usually one caller holds it for all of its life; a lock that is passed on inside the process has several
 * holders in a row, each with its own handle and the next token of the block that came with the grant.
 */
export class Tenure implements LeaseRef {
  /** The store's key. */
  readonly key: string;
  readonly leaseId: string;
  readonly mode: LockMode;
  readonly permits: number;
  readonly sessionId: string | undefined;
  /** First and last of the tokens that came with the grant. */
  readonly fencingToken: number;
  readonly lastToken: number;
  readonly grantedMs: number;
  readonly grantedAtMs: number;
  /** The handle of whoever holds now; absent only while the lease is between two holders. */
  lease: Lease | undefined;
  ttlMs: number;
  renew: boolean;
  nextToken: number;
  /** Monotonic time until which the lease is certain; and the same as a wall clock reading, for people. */
  deadlineMs: number;
  expiresAtMs: number;
  /** Monotonic time at which to extend next; `Infinity` when not to. */
  renewAtMs: number;
  /** Failed extensions since the last that succeeded. */
  failures = 0;
  /** An extension on its way; never rejects. */
  extending: Promise<unknown> | undefined;
  /** One of several that are being taken together: nobody has been told of it yet. */
  provisional = false;
  /** The holder changed and the store still shows another. */
  stale = false;
  /** How often the lock may still be passed on in the process, and until which monotonic time. */
  passOnLeft = 0;
  passOnUntilMs = 0;
  /** Why it ended, once it has. */
  ended: LockLostReason | 'released' | undefined;

  constructor(want: Want, leaseId: string, tokens: { fencingToken: number; lastToken: number }, proof: Proof) {
    this.key = want.storeKey;
    this.leaseId = leaseId;
    this.mode = want.mode;
    this.permits = want.permits;
    this.sessionId = want.sessionId;
    this.fencingToken = tokens.fencingToken;
    this.lastToken = tokens.lastToken;
    this.nextToken = tokens.fencingToken;
    this.grantedMs = proof.sentMs;
    this.grantedAtMs = proof.sentAtMs;
    this.ttlMs = want.ttlMs;
    this.renew = want.renew;
    this.deadlineMs = proof.sentMs + proof.ttlMs - proof.driftMs;
    this.expiresAtMs = proof.sentAtMs + proof.ttlMs - proof.driftMs;
    this.renewAtMs = this.renew ? proof.sentMs + this.ttlMs / 3 : Infinity;
  }

  /** An extension was sent: should it shorten the lease, the store may do so even if its answer is lost. */
  extensionSent(proof: Proof): void {
    this.deadlineMs = Math.min(this.deadlineMs, proof.sentMs + proof.ttlMs - proof.driftMs);
    this.expiresAtMs = Math.min(this.expiresAtMs, proof.sentAtMs + proof.ttlMs - proof.driftMs);
  }

  /** An extension succeeded. */
  extended(proof: Proof): void {
    this.deadlineMs = proof.sentMs + proof.ttlMs - proof.driftMs;
    this.expiresAtMs = proof.sentAtMs + proof.ttlMs - proof.driftMs;
    this.ttlMs = proof.ttlMs;
    this.failures = 0;
    this.renewAtMs = this.renew ? proof.sentMs + this.ttlMs / 3 : Infinity;
  }

  /** The present holder as others see it. */
  holder(): HolderInfo | undefined {
    return this.lease && { ...this.lease.holder(), acquiredAtMs: this.grantedAtMs, expiresAtMs: this.expiresAtMs };
  }
}
