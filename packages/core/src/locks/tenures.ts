import type { LockLostReason } from '../errors.js';
import type { LeaseEndEvent } from '../hooks/events.js';
import { Alarm } from './alarm.js';
import { BriskMap } from '../brisk-map.js';
import { Lease } from './lease.js';
import type { LeaseDesk } from './lease.js';
import { Renewer } from './renewer.js';
import { driftFor } from './settings.js';
import type { Settings } from './settings.js';
import type { StoreCalls } from './store-calls.js';
import { Tenure } from './tenure.js';
import type { Proof } from './tenure.js';
import type { Want } from './want.js';

/** The instant at which a call is sent, by both clocks. */
export interface Sent {
  readonly sentMs: number;
  readonly sentAtMs: number;
}

/** Every lease that this manager holds: grants it, guards its deadline, keeps it renewed, and ends it exactly once. */
export class Tenures {
  readonly renewer: Renewer;
  readonly #settings: Settings;
  readonly #desk: LeaseDesk;
  readonly #byLeaseId = new BriskMap<string, Tenure>();
  readonly #deadlines: Alarm<Tenure>;
  readonly #onGone: (tenure: Tenure) => void;

  /** `onGone` is told of each lease that ended without its holder releasing it. */
  constructor(settings: Settings, calls: StoreCalls, desk: LeaseDesk, onGone: (tenure: Tenure) => void) {
    this.#settings = settings;
    this.#desk = desk;
    this.#onGone = onGone;
    this.renewer = new Renewer(settings, calls, this, this.#byLeaseId);
    this.#deadlines = new Alarm(settings.clock, this.#byLeaseId, deadlineOf, () => this.#expireDue());
  }

  /** Both clocks, now. */
  sent(): Sent {
    const { clock } = this.#settings;
    return { sentMs: clock.monotonicMs(), sentAtMs: Math.floor(clock.nowUs() / 1_000) };
  }

  proof(sent: Sent, ttlMs: number): Proof {
    const { sentMs, sentAtMs } = sent;
    return { sentMs, sentAtMs, ttlMs, driftMs: driftFor(this.#settings, ttlMs) };
  }

  /** Whether a lease sent for at `sent` would still be certain now. */
  inTime(sent: Sent, ttlMs: number): boolean {
    return this.#settings.clock.monotonicMs() < sent.sentMs + ttlMs - driftFor(this.#settings, ttlMs);
  }

  /** The store granted the lease. */
  grant(want: Want, leaseId: string, tokens: { fencingToken: number; lastToken: number }, sent: Sent): Lease {
    const tenure = new Tenure(want, leaseId, tokens, this.proof(sent, want.ttlMs));
    this.#byLeaseId.set(leaseId, tenure);
    this.#deadlines.moved(tenure);
    this.renewer.add(tenure);
    return this.handOut(tenure, want);
  }

  /** Gives the tenure's next token to a holder. */
  handOut(tenure: Tenure, want: Want): Lease {
    const lease = new Lease(want, tenure, tenure.nextToken++, this.#desk);
    tenure.lease = lease;
    return lease;
  }

  get(leaseId: string): Tenure | undefined {
    return this.#byLeaseId.get(leaseId);
  }

  all(): readonly Tenure[] {
    return [...this.#byLeaseId.values()];
  }

  ofSession(sessionId: string): readonly Tenure[] {
    return this.all().filter((tenure) => tenure.sessionId === sessionId);
  }

  /** Whether the deadline has not passed; ends the tenure as expired when it has and no timer could say so. */
  certain(tenure: Tenure): boolean {
    if (tenure.ended) return false;
    if (this.#settings.clock.monotonicMs() < tenure.deadlineMs) return true;
    this.lose(tenure, 'expired');
    return false;
  }

  /** The deadline may be sooner than before. */
  deadlineMoved(tenure: Tenure): void {
    this.#deadlines.moved(tenure);
  }

  /** The lease is gone, whatever its holder may think. Does nothing when it has ended already. */
  lose(tenure: Tenure, reason: LockLostReason): void {
    if (tenure.ended) return;
    this.remove(tenure, reason);
    const { lease } = tenure;
    if (lease) {
      lease.lose(reason);
      if (!tenure.provisional) {
        this.countLost(reason);
        this.countEnd(lease, endOf(reason));
      }
    }
    this.#onGone(tenure);
  }

  /** Stops guarding the tenure. */
  remove(tenure: Tenure, ended: LockLostReason | 'released'): void {
    tenure.ended = ended;
    this.#byLeaseId.delete(tenure.leaseId);
    this.#deadlines.gone();
    this.renewer.gone();
  }

  countLost(reason: LockLostReason): void {
    const { emitter, labels } = this.#settings;
    if (emitter.wants('onLockLost')) emitter.emit('onLockLost', { ...labels, reason });
  }

  countEnd(lease: Lease, ended: LeaseEndEvent['ended']): void {
    const { emitter, labels, clock } = this.#settings;
    if (emitter.wants('onLeaseEnd')) {
      emitter.emit('onLeaseEnd', { ...labels, ended, heldMs: clock.monotonicMs() - lease.startedMs });
    }
  }

  #expireDue(): void {
    for (const tenure of this.all()) this.certain(tenure);
  }
}

/** The `ended` label of a lease lost for `reason`. */
export function endOf(reason: LockLostReason): LeaseEndEvent['ended'] {
  if (reason === 'expired') return 'expired';
  return reason === 'session' || reason === 'forced' ? 'session' : 'lost';
}

function deadlineOf(tenure: Tenure): number {
  return tenure.deadlineMs;
}
