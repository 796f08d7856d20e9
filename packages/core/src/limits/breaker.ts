import type { Clock } from '../clock.js';

/** What a breaker lets through: a call, one call that tests the store, or nothing. */
export type Passage = 'go' | 'probe' | 'stop';

/** Stops asking a store that fails: after `failures` in a row nothing goes through but one probe at a time. */
export class Breaker {
  readonly #clock: Clock;
  readonly #failures: number;
  readonly #openMs: number;
  readonly #maxOpenMs: number;
  #inRow = 0;
  #probing = false;
  /** Length of the current opening; 0 while closed. */
  #pauseMs = 0;
  #probeAtMs = 0;

  constructor(
    clock: Clock,
    options: { readonly failures: number; readonly openMs: number; readonly maxOpenMs: number },
  ) {
    this.#clock = clock;
    this.#failures = options.failures;
    this.#openMs = options.openMs;
    this.#maxOpenMs = options.maxOpenMs;
  }

  get isOpen(): boolean {
    return this.#pauseMs > 0;
  }

  /** Milliseconds until the store may be asked again; 0 when it may be now. */
  get retryAfterMs(): number {
    return this.isOpen ? Math.max(0, this.#probeAtMs - this.#clock.monotonicMs()) : 0;
  }

  /** Who asks next may pass; after `probe`, {@link probeStarted} must follow when the probe really leaves. */
  get passage(): Passage {
    if (!this.isOpen) return 'go';
    return this.#probing || this.retryAfterMs > 0 ? 'stop' : 'probe';
  }

  probeStarted(): void {
    this.#probing = true;
  }

  /** The store answered; returns whether that closed the breaker. What left before it opened proves nothing. */
  answered(probe: boolean): boolean {
    if (this.isOpen && !probe) return false;
    const closed = this.isOpen;
    this.#inRow = 0;
    this.#probing = false;
    this.#pauseMs = 0;
    return closed;
  }

  /** The probe ended without proof that the store is back or away: the next call is a probe again. */
  probeProvedNothing(): void {
    this.#probing = false;
  }

  /** The store failed; returns whether that opened the breaker. */
  failed(probe: boolean): boolean {
    if (this.isOpen) {
      if (probe) this.#open(Math.min(this.#maxOpenMs, 2 * this.#pauseMs * (1 + Math.random() / 4)));
      return false;
    }
    this.#inRow++;
    if (this.#inRow < this.#failures) return false;
    this.#open(this.#openMs);
    return true;
  }

  #open(pauseMs: number): void {
    this.#probing = false;
    this.#pauseMs = pauseMs;
    this.#probeAtMs = this.#clock.monotonicMs() + pauseMs;
  }
}
