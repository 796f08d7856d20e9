import type { Clock } from '../clock.js';

/** What a breaker lets through: a call, one call that tests the store, or nothing. */
export type Passage = 'go' | 'probe' | 'stop';

/** `BreakerOptions` with every default in place. */
export interface BreakerSettings {
  readonly failures: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
}

/** Stops asking a store that fails: after `failures` in a row nothing goes through but one probe at a time. */
export class Breaker {
  readonly #clock: Clock;
  readonly #options: BreakerSettings;
  #inRow = 0;
  /** Whether a probe is under way: set by who sends it, and cleared by who learns that it proved nothing; an outcome clears it too. */
  probing = false;
  /** Length of the current opening; 0 while closed. */
  #pauseMs = 0;
  #probeAtMs = 0;

  constructor(clock: Clock, options: BreakerSettings) {
    this.#clock = clock;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#pauseMs > 0;
  }

  /** Milliseconds until the store may be asked again; 0 when it may be now. */
  get retryAfterMs(): number {
    return this.isOpen ? Math.max(0, this.#probeAtMs - this.#clock.monotonicMs()) : 0;
  }

  /** Who asks next may pass; after `probe`, {@link probing} must be set when the probe really leaves. */
  get passage(): Passage {
    if (!this.isOpen) return 'go';
    return this.probing || this.retryAfterMs > 0 ? 'stop' : 'probe';
  }

  /** The store answered; returns whether that closed the breaker. What left before it opened proves nothing. */
  answered(probe: boolean): boolean {
    if (this.isOpen && !probe) return false;
    const closed = this.isOpen;
    this.#inRow = 0;
    this.probing = false;
    this.#pauseMs = 0;
    return closed;
  }

  /** The store failed; returns whether that opened the breaker. */
  failed(probe: boolean): boolean {
    if (this.isOpen) {
      if (probe) this.#open(Math.min(this.#options.maxOpenMs, 2 * this.#pauseMs * (1 + Math.random() / 4)));
      return false;
    }
    this.#inRow++;
    if (this.#inRow < this.#options.failures) return false;
    this.#open(this.#options.openMs);
    return true;
  }

  #open(pauseMs: number): void {
    this.probing = false;
    this.#pauseMs = pauseMs;
    this.#probeAtMs = this.#clock.monotonicMs() + pauseMs;
  }
}
