import type { Clock, ClockTimer } from '../clock.js';
import type { BriskMap } from '../brisk-map.js';

/**
 * One timer for all of `items`, armed for the one that falls due first. Items may move later or go without telling; `moved` tells of one that is new or may be earlier.
 * The timer keeps the process alive: what it is used for guards a lease.
 */
export class Alarm<T> {
  readonly #clock: Clock;
  readonly #dueMs: (item: T) => number;
  readonly #ring: () => void;
  readonly #items: BriskMap<string, T>;
  #timer: ClockTimer | undefined;
  #armedMs = Infinity;

  constructor(clock: Clock, items: BriskMap<string, T>, dueMs: (item: T) => number, ring: () => void) {
    this.#clock = clock;
    this.#items = items;
    this.#dueMs = dueMs;
    this.#ring = ring;
  }

  /** The item is new, or due at another time than when it was last looked at. */
  moved(item: T): void {
    const dueMs = this.#dueMs(item);
    if (dueMs < this.#armedMs) this.#arm(dueMs);
  }

  /** Items have gone: without any the timer must not keep the process alive. */
  gone(): void {
    if (this.#items.size === 0) this.#disarm();
  }

  #arm(dueMs: number): void {
    this.#disarm();
    this.#armedMs = dueMs;
    // Rounded up: a timer that fires before the time would only be armed again.
    this.#timer = this.#clock.setTimer(() => this.#fire(), Math.max(0, Math.ceil(dueMs - this.#clock.monotonicMs())));
  }

  #disarm(): void {
    if (!this.#timer) return;
    this.#timer.clear();
    this.#timer = undefined;
    this.#armedMs = Infinity;
  }

  #fire(): void {
    this.#disarm();
    this.#ring();
    let earliest = Infinity;
    for (const item of this.#items.values()) earliest = Math.min(earliest, this.#dueMs(item));
    if (earliest < this.#armedMs) this.#arm(earliest);
  }
}
