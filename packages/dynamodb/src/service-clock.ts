import { Emitter } from '@headgate/core';
import type { Clock, Hooks } from '@headgate/core';

/** How fast a machine's clock is taken to drift at most, microseconds per millisecond (200 ppm). */
const driftUsPerMs = 0.2;

/** What {@link ServiceClock} needs to know. */
export interface ServiceClockOptions {
  readonly store: string;
  readonly clock: Clock;
  readonly maxSkewMs: number;
  readonly hooks: Hooks | undefined;
}

/**
 * The process's clock, corrected by the service's. A `Date` header has whole seconds, so each reply bounds the offset between the clocks to a second
 * plus its round trip; bounds of successive replies are intersected and widen with drift. As long as an offset of zero fits, the clock is left alone;
 * otherwise the middle of the bounds is added.
 */
export class ServiceClock {
  readonly #clock: Clock;
  readonly #store: string;
  readonly #maxSkewUs: number;
  readonly #emitter: Emitter;
  #leastUs = -Infinity;
  #mostUs = Infinity;
  #boundedAtMs = 0;
  #offsetUs = 0;
  #reportedUs = 0;

  constructor({ store, clock, maxSkewMs, hooks }: ServiceClockOptions) {
    this.#clock = clock;
    this.#store = store;
    this.#maxSkewUs = maxSkewMs * 1000;
    this.#emitter = new Emitter(hooks);
  }

  /** Whether a reply has told the service's time yet. */
  get known(): boolean {
    return this.#mostUs !== Infinity;
  }

  /** The corrected time, epoch microseconds. */
  nowUs(): number {
    return this.#clock.nowUs() + this.#offsetUs;
  }

  /** The process's own time, for {@link ServiceClock.observe}. */
  ownUs(): number {
    return this.#clock.nowUs();
  }

  /** Takes in a `Date` header that came with the reply to a request sent at `sentUs` of the process's own clock. */
  observe(date: string | undefined, sentUs: number): void {
    const serviceMs = date === undefined ? Number.NaN : Date.parse(date);
    if (Number.isNaN(serviceMs)) return;
    const leastUs = serviceMs * 1000 - this.#clock.nowUs();
    const mostUs = (serviceMs + 1000) * 1000 - sentUs;
    const nowMs = this.#clock.monotonicMs();
    const driftUs = Math.ceil((nowMs - this.#boundedAtMs) * driftUsPerMs);
    this.#leastUs = Math.max(this.#leastUs - driftUs, leastUs);
    this.#mostUs = Math.min(this.#mostUs + driftUs, mostUs);
    // One of the clocks was set: what was known before is history.
    if (this.#leastUs > this.#mostUs) [this.#leastUs, this.#mostUs] = [leastUs, mostUs];
    this.#boundedAtMs = nowMs;
    const fits = this.#leastUs <= 0 && this.#mostUs >= 0;
    this.#offsetUs = fits ? 0 : Math.floor((this.#leastUs + this.#mostUs) / 2);
    this.#report(-this.#offsetUs);
  }

  /** Takes in a time that another process wrote: from the future by more than the bound, it says that somebody's clock is wrong. */
  observeWritten(writtenUs: number): void {
    const aheadUs = writtenUs - this.nowUs();
    if (aheadUs > this.#maxSkewUs) this.#report(-aheadUs);
  }

  /** Tells of a skew beyond the bound once, and again when it has changed by more than the bound. */
  #report(skewUs: number): void {
    if (Math.abs(skewUs) <= this.#maxSkewUs || Math.abs(skewUs - this.#reportedUs) <= this.#maxSkewUs) return;
    this.#reportedUs = skewUs;
    this.#emitter.emit('onClockSkew', { store: this.#store, skewMs: skewUs / 1000 });
  }
}
