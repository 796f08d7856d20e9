import type { ClockTimer } from '../clock.js';
import type { LockLostReason } from '../errors.js';
import type { LeaseEndEvent } from '../hooks/events.js';
import { BriskMap } from '../brisk-map.js';
import type { Lease } from './lease.js';
import { renewalDueMs } from './renewing.js';
import type { Settings } from './settings.js';
import { Tenure } from './tenure.js';
import type { Proof, Sent } from './tenure.js';
import type { Want } from './want.js';

/** Every lease that this manager holds: grants it, guards its deadline, and ends it exactly once. */
export class Tenures {
  readonly #settings: Settings;
  readonly #byLeaseId = new BriskMap<string, Tenure>();
  readonly #onGone: (tenure: Tenure) => void;
  readonly #onDue: () => void;
  /** One for all leases, armed for what falls due first: a deadline or an extension. It keeps the process alive: it guards leases. */
  #timer: ClockTimer | undefined;
  #timerMs = Infinity;

  /** `onGone` is told of each lease that ended without its holder releasing it; `onDue`, that some may have to be extended. */
  constructor(settings: Settings, onGone: (tenure: Tenure) => void, onDue: () => void) {
    this.#settings = settings;
    this.#onGone = onGone;
    this.#onDue = onDue;
  }

  /** Both clocks, now. */
  sent(): Sent {
    const { clock } = this.#settings;
    return { sentMs: clock.monotonicMs(), sentAtMs: Math.floor(clock.nowUs() / 1_000) };
  }

  proof({ sentMs, sentAtMs }: Sent, ttlMs: number): Proof {
    const { driftMs = 1 + Math.ceil(ttlMs / 1_000) } = this.#settings;
    const certainMs = ttlMs - driftMs;
    return { sentMs, sentAtMs, ttlMs, deadlineMs: sentMs + certainMs, expiresAtMs: sentAtMs + certainMs };
  }

  /** Whether a lease sent for at `sent` would still be certain now. */
  inTime(sent: Sent, ttlMs: number): boolean {
    return this.#settings.clock.monotonicMs() < this.proof(sent, ttlMs).deadlineMs;
  }

  /** The store granted the lease. */
  grant(want: Want, leaseId: string, tokens: { fencingToken: number; lastToken: number }, sent: Sent): Tenure {
    const tenure = new Tenure(want, leaseId, tokens, this.proof(sent, want.ttlMs));
    this.#byLeaseId.set(leaseId, tenure);
    this.moved(tenure);
    return tenure;
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

  /** The tenure's deadline, or the time to extend it, may be sooner than before. It may be later without telling. */
  moved(tenure: Tenure): void {
    this.#arm(dueMs(tenure));
  }

  /** The lease is gone, whatever its holder may think. Does nothing when it has ended already. */
  lose(tenure: Tenure, reason: LockLostReason): void {
    if (tenure.ended) return;
    this.remove(tenure, reason);
    const { lease } = tenure;
    if (lease) {
      lease.lose(reason);
      this.countLoss(lease, reason);
    }
    this.#onGone(tenure);
  }

  /** Stops guarding the tenure. */
  remove(tenure: Tenure, ended: LockLostReason | 'released'): void {
    tenure.ended = ended;
    this.#byLeaseId.delete(tenure.leaseId);
    if (this.#byLeaseId.size === 0) this.#disarm();
  }

  /** Tells hooks that a lease ended without its holder releasing it. */
  countLoss(lease: Lease, reason: LockLostReason): void {
    this.#settings.tell('onLockLost', () => ({ reason }));
    this.countEnd(lease, endOf(reason));
  }

  countEnd(lease: Lease, ended: LeaseEndEvent['ended']): void {
    const { tell, clock } = this.#settings;
    tell('onLeaseEnd', () => ({ ended, heldMs: clock.monotonicMs() - lease.startedMs }));
  }

  #arm(atMs: number): void {
    if (atMs >= this.#timerMs) return;
    this.#disarm();
    this.#timerMs = atMs;
    const { clock } = this.#settings;
    // Rounded up: a timer that fires before the time would only be armed again.
    this.#timer = clock.setTimer(() => this.#ring(), Math.max(0, Math.ceil(atMs - clock.monotonicMs())));
  }

  #disarm(): void {
    this.#timer?.clear();
    this.#timerMs = Infinity;
  }

  #ring(): void {
    this.#timerMs = Infinity;
    for (const tenure of this.all()) this.certain(tenure);
    this.#onDue();
    let earliestMs = Infinity;
    for (const tenure of this.all()) earliestMs = Math.min(earliestMs, dueMs(tenure));
    this.#arm(earliestMs);
  }
}

/** The `ended` label of a lease lost for `reason`. */
function endOf(reason: LockLostReason): LeaseEndEvent['ended'] {
  if (reason === 'expired') return 'expired';
  return reason === 'session' || reason === 'forced' ? 'session' : 'lost';
}

/** When the tenure has to be looked at. */
function dueMs(tenure: Tenure): number {
  return Math.min(tenure.deadlineMs, renewalDueMs(tenure));
}
