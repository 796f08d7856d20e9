import type { HolderInfo, LockLostReason } from '../errors.js';
import type { Lease } from './lease.js';
import type { LockMode, ReleaseRequest } from './contract.js';
import type { Want } from './want.js';

/** The instant at which a call is sent, by both clocks. */
export interface Sent {
  readonly sentMs: number;
  readonly sentAtMs: number;
}

/** What a successful acquire or extend proves: how long the lease lasts from when the call was sent, and is certain. */
export interface Proof extends Sent {
  readonly ttlMs: number;
  readonly deadlineMs: number;
  readonly expiresAtMs: number;
}

/**
 * One lease as the store knows it. Usually one caller holds it for all of its life; a lock that is passed on inside the process has several
 * holders in a row, each with its own handle and the next token of the block that came with the grant.
 */
export class Tenure {
  /** The store's key. */
  readonly key: string;
  readonly leaseId: string;
  readonly mode: LockMode;
  readonly sessionId: string | undefined;
  /** First and last of the tokens that came with the grant. */
  readonly fencingToken: number;
  readonly lastToken: number;
  readonly grantedAtMs: number;
  /** The handle of whoever holds now; absent while the lease is between two holders, and before the first: others are still being taken with it. */
  lease: Lease | undefined;
  ttlMs: number;
  renew: boolean;
  nextToken: number;
  /** Monotonic time until which the lease is certain; and the same as a wall clock reading, for people. */
  deadlineMs: number = Infinity;
  expiresAtMs: number = Infinity;
  /** Monotonic time at which to extend next; `Infinity` when not to. */
  renewAtMs: number = Infinity;
  /** Failed extensions since the last that succeeded. */
  failures = 0;
  /** An extension on its way; never rejects. */
  extending: Promise<unknown> | undefined;
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
    this.sessionId = want.sessionId;
    this.fencingToken = tokens.fencingToken;
    this.lastToken = tokens.lastToken;
    this.nextToken = tokens.fencingToken;
    this.grantedAtMs = proof.sentAtMs;
    this.ttlMs = proof.ttlMs;
    this.renew = want.renew;
    this.extended(proof);
  }

  /** An extension was sent: should it shorten the lease, the store may do so even if its answer is lost. */
  extensionSent({ deadlineMs, expiresAtMs }: Proof): void {
    this.deadlineMs = Math.min(this.deadlineMs, deadlineMs);
    this.expiresAtMs = Math.min(this.expiresAtMs, expiresAtMs);
  }

  /** The lease is certain for as long as the proof says. */
  extended({ sentMs, ttlMs, deadlineMs, expiresAtMs }: Proof): void {
    this.deadlineMs = deadlineMs;
    this.expiresAtMs = expiresAtMs;
    this.ttlMs = ttlMs;
    this.failures = 0;
    this.renewAtMs = this.renew ? sentMs + ttlMs / 3 : Infinity;
  }

  /** Names the lease to the store, with the token that shows it to be this one. */
  named(): ReleaseRequest {
    const { key, leaseId, mode, fencingToken } = this;
    return { key, leaseId, mode, fencingToken };
  }

  /** The present holder as others see it. */
  holder(): HolderInfo | undefined {
    return this.lease && { ...this.lease.holder(), acquiredAtMs: this.grantedAtMs, expiresAtMs: this.expiresAtMs };
  }
}
