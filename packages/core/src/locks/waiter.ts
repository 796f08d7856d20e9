import type { ClockTimer } from '../clock.js';
import { AcquireTimeoutError, isStoreError, storeTimeout } from '../errors.js';
import type { HolderInfo } from '../errors.js';
import type { AcquireEvent } from '../hooks/events.js';
import { abortListeners } from '../on-abort.js';
import type { Lease } from './lease.js';
import { pauseMs } from './pause.js';
import type { Settings } from './settings.js';
import type { StoreCall } from './store-call.js';
import type { Attempt, Want } from './want.js';

/** Somebody stands in the way of an attempt; of several locks, in that of `key`. */
export interface Refusal {
  readonly holders: readonly HolderInfo[];
  readonly retryAfterMs: number;
  readonly key?: string;
}

/** Why an attempt did not get the lock: it was refused, or the store did not say. */
export type Setback = Refusal | { readonly error: unknown };

/** How a call that takes locks ended. */
export type Outcome = AcquireEvent['outcome'];

/**
 * One call that takes locks, from its first attempt to its one outcome: its time limit, its abort signal, its sleep between attempts and its events.
 * A call that is granted at once never arms a timer here.
 */
export class Waiter implements Attempt {
  readonly want: Want;
  readonly leaseId: string;
  readonly startedMs: number;
  /** The leases; none when the call was refused without having been willing to wait. */
  readonly promise: Promise<readonly Lease[]>;
  attempts = 0;
  /** What its last attempt that was answered said. */
  setback: Setback | undefined;
  /** Failed attempts in a row; and refused ones by the same holders. */
  failures = 0;
  refusals = 0;
  /** The attempt on its way. */
  call: Pick<StoreCall<unknown>, 'abandon'> | undefined;
  done = false;
  /** A hint came while an attempt was on its way. */
  woken = false;
  /** The store told that this lease id lost its lease while an attempt was on its way, so the answer proves nothing. */
  lostMeanwhile = false;
  /** What the call fails with when its time is up. */
  onTimeUp: () => unknown = () => this.setbackError();
  /** Takes the call out of wherever it waits, after its outcome. */
  onDone: (outcome: Outcome) => void = () => {};
  readonly #settings: Settings;
  readonly #events: number;
  #resolve!: (leases: readonly Lease[]) => void;
  #reject!: (error: unknown) => void;
  #limit: ClockTimer | undefined;
  #endSleep: (() => void) | undefined;
  /** The leases that the last attempt was refused by, if it was refused. */
  #refusedBy: string | undefined;
  #contended = false;

  /** `events` is how many locks the call takes: as many acquires are counted. */
  constructor(settings: Settings, want: Want, leaseId: string, events = 1) {
    this.#settings = settings;
    this.want = want;
    this.leaseId = leaseId;
    this.#events = events;
    this.startedMs = settings.clock.monotonicMs();
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    abortListeners(want.signal)?.add(this);
  }

  /** Milliseconds waited so far. */
  get waitedMs(): number {
    return this.#settings.clock.monotonicMs() - this.startedMs;
  }

  get leftMs(): number {
    return this.want.waitMs - this.waitedMs;
  }

  /** Longest time for an attempt, milliseconds. A first one has no other limit: its caller counts as waiting only once it was refused. */
  get attemptMs(): number {
    const { timeoutMs } = this.#settings;
    if (this.waiting || this.want.waitMs === 0) return timeoutMs;
    return Math.max(1, Math.min(timeoutMs, Math.ceil(this.leftMs)));
  }

  /** Whether the call counts among the waiters. */
  get waiting(): boolean {
    return this.#limit !== undefined;
  }

  /** The call was not granted at once: from here on it is limited by `waitMs` and counted as a waiter. */
  startWaiting(): void {
    this.#contended = true;
    if (this.#limit || this.done) return;
    this.#limit = this.#settings.clock.setTimer(() => this.timeUp(), Math.max(0, Math.ceil(this.leftMs)));
    this.#limit.unref();
    this.#settings.tell('onWaiters', () => ({ delta: 1 }));
  }

  /** An attempt did not get the lock: the call waits, unless it will not or its time is up. An error that is no store's is final. */
  setBackBy(setback: Setback): void {
    if (this.done) return;
    const { waitMs } = this.want;
    if ('error' in setback) {
      if (waitMs === 0 || !isStoreError(setback.error)) return this.fail('error', setback.error);
      this.failures += 1;
      this.#refusedBy = undefined;
    } else {
      const refusedBy = setback.holders.map(({ leaseId }) => leaseId).join(' ');
      this.refusals = refusedBy === this.#refusedBy ? this.refusals + 1 : 0;
      this.#refusedBy = refusedBy;
      this.failures = 0;
    }
    this.setback = setback;
    if (waitMs === 0) return this.#refuse();
    if (this.leftMs <= 0) this.timeUp();
    this.startWaiting();
  }

  /** Resolves when it is time for the next attempt: after a pause, or sooner when woken or done. */
  async rest(): Promise<void> {
    if (this.done || this.woken) return;
    await new Promise<void>((resolve) => {
      const timer = this.#settings.clock.setTimer(resolve, pauseMs(this.#settings, this));
      timer.unref();
      this.#endSleep = () => {
        timer.clear();
        resolve();
      };
    });
    this.#endSleep = undefined;
  }

  /** A hint: the key may be free. */
  wake(): void {
    this.woken = true;
    this.#endSleep?.();
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.fail('aborted', this.want.signal?.reason);
  }

  /** `waitMs` has passed. */
  timeUp(): void {
    const error = this.onTimeUp();
    this.fail(error instanceof AcquireTimeoutError ? 'timeout' : 'error', error);
  }

  succeed(leases: readonly Lease[]): void {
    if (this.#finish('acquired')) this.#resolve(leases);
  }

  fail(outcome: Exclude<Outcome, 'acquired'>, error: unknown): void {
    if (!this.#finish(outcome)) return;
    this.call?.abandon(error);
    this.#reject(error);
  }

  /** The error that says what the last answered attempt said; when none was answered, that the store did not. */
  setbackError(): unknown {
    const { setback } = this;
    if (setback) return 'error' in setback ? setback.error : this.contendedError(setback.holders, setback.key);
    const { waitMs } = this.want;
    return storeTimeout(this.#settings.store.name, waitMs, `did not answer within the ${waitMs} ms of waitMs`);
  }

  contendedError(holders: readonly HolderInfo[], key: string = this.want.key): AcquireTimeoutError {
    const { waitMs } = this.want;
    const who = holders.map((holder) => holder.sessionId ?? holder.ownerId).join(', ');
    return new AcquireTimeoutError(`Lock ${key} was not free within ${waitMs} ms${who && `: held by ${who}`}`, {
      key,
      waitMs,
      holders,
    });
  }

  /** The call was refused and is not willing to wait. */
  #refuse(): void {
    this.#contended = true;
    if (this.#finish('busy')) this.#resolve([]);
  }

  #finish(outcome: Outcome): boolean {
    if (this.done) return false;
    this.done = true;
    abortListeners(this.want.signal)?.delete(this);
    const { tell } = this.#settings;
    if (this.#limit) {
      this.#limit.clear();
      tell('onWaiters', () => ({ delta: -1 }));
    }
    this.#endSleep?.();
    for (let n = 0; n < this.#events; n += 1) {
      tell('onAcquire', () => {
        const { waitedMs: waitMs, attempts } = this;
        return { outcome, waitMs, attempts, contended: this.#contended };
      });
    }
    this.onDone(outcome);
    return true;
  }
}
