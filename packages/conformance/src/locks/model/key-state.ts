import type { AcquireRequest, LockMode } from '@headgate/core';
import type { Life } from './spans.js';

/** A lease as the model knows it. */
export interface ModelLease extends Life {
  readonly leaseId: string;
  readonly sessionId: string | undefined;
  readonly mode: LockMode;
  readonly permits: number;
  readonly fencingToken: number;
  readonly lastToken: number;
  /** Its process was asked to let go and has yet to answer: whatever prolongs the lease meanwhile, it may be over at any time. */
  leaving?: boolean;
}

/** A place in the queue. The store may have turned it into a lease already, and will say so when its owner asks again. */
export interface ModelWaiter extends Life {
  readonly request: AcquireRequest;
  /** A grant to it is above this token. */
  floor: number;
  /** It asked again after we could not be sure that it still had its place: it may be served sooner than where it stands here. */
  unplaced: boolean;
}

/** What the model knows of one key. */
export interface KeyState {
  leases: ModelLease[];
  /** In the order in which they first asked. */
  waiters: ModelWaiter[];
  /** Highest token known to be issued. */
  lastToken: number;
  readonly issued: Set<number>;
}

/** A key nobody ever asked for. */
export function newKeyState(): KeyState {
  return { leases: [], waiters: [], lastToken: 0, issued: new Set() };
}

/** Those of `leases` that would keep a lease of this mode out: all of another mode, all if it is exclusive, and all permits once there are enough. */
export function inTheWay(leases: readonly ModelLease[], mode: LockMode, permits: number): readonly ModelLease[] {
  const strangers = leases.filter((lease) => lease.mode !== mode || mode === 'exclusive');
  if (strangers.length > 0 || mode !== 'permit' || leases.length < permits) return strangers;
  return leases;
}
