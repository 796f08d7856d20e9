import type { Clock, ClockTimer } from '../clock.js';

/**
 * One timer for many things that fall due, armed for the earliest. Things may move later without telling; `moved` tells of one that may be earlier.
 * The timer keeps the process alive: what it is used for guards a lease.
 */
export class Alarm<T> {
  readonly #clock: Clock;
  readonly #dueMs: (item: T) => number;
  readonly #ring: () => void;
  readonly #items = new Set<T>();
  #timer: ClockTimer | undefined;
  #armedMs = Infinity;

  constructor(clock: Clock, dueMs: (item: T) => number, ring: () => void) {
    this.#clock = clock;
    this.#dueMs = dueMs;
    this.#ring = ring;
  }

  add(item: T): void {
    this.#items.add(item);
    this.moved(item);
  }

  delete(item: T): void {
    this.#items.delete(item);
    if (this.#items.size === 0) this.#disarm();
  }

  /** The item is due at another time than when it was last looked at. */
  moved(item: T): void {
    const dueMs = this.#dueMs(item);
    if (dueMs < this.#armedMs && this.#items.has(item)) this.#arm(dueMs);
  }

  items(): readonly T[] {
    return [...this.#items];
  }

  #arm(dueMs: number): void {
    this.#disarm();
    this.#armedMs = dueMs;
    // Rounded up: a timer that fires before the time would only be armed again.
    this.#timer = this.#clock.setTimer(() => this.#fire(), Math.max(0, Math.ceil(dueMs - this.#clock.monotonicMs())));
  }

  #disarm(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#armedMs = Infinity;
  }

  #fire(): void {
    this.#disarm();
    this.#ring();
    let earliest = Infinity;
    for (const item of this.#items) earliest = Math.min(earliest, this.#dueMs(item));
    if (earliest < this.#armedMs) this.#arm(earliest);
  }
}
