import type { Clock, ClockTimer } from './clock.js';

/** Something that ends at an instant unless it is removed before; linked into at most one {@link Deadlines}. */
export abstract class Expirable {
  deadlineMs = 0;
  previous: Expirable | undefined;
  next: Expirable | undefined;
  listed = false;

  abstract expire(): void;
}

/** A timer this late means that the event loop stood still: what arrived meanwhile is read before anything is called late. */
const stalledMs = 50;

/**
 * Deadlines of many calls behind one timer: everything added waits equally long, so the first added ends first and a
 * linked list in order of addition is sorted. The timer never keeps the process alive.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #afterMs: number;
  #first: Expirable | undefined;
  #last: Expirable | undefined;
  #timer: ClockTimer | undefined;

  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock;
    this.#afterMs = afterMs;
  }

  add(item: Expirable, nowMs: number): void {
    item.deadlineMs = nowMs + this.#afterMs;
    item.listed = true;
    item.previous = this.#last;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
    if (!this.#timer) this.#arm(this.#afterMs);
  }

  remove(item: Expirable): void {
    if (!item.listed) return;
    item.listed = false;
    if (item.previous) item.previous.next = item.next;
    else this.#first = item.next;
    if (item.next) item.next.previous = item.previous;
    else this.#last = item.previous;
    item.previous = undefined;
    item.next = undefined;
  }

  /** Clears the timer when nothing is left to end. */
  stop(): void {
    if (this.#first) return;
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #arm(delayMs: number, afterStall = false): void {
    this.#timer = this.#clock.setTimer(() => this.#fire(afterStall), delayMs);
    this.#timer.unref();
  }

  #fire(afterStall: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    const stalled = !afterStall && this.#first !== undefined && nowMs - this.#first.deadlineMs > stalledMs;
    // `#timer` stays set meanwhile: what an expiry adds must not arm a timer behind the first deadline that is left.
    if (!stalled) this.#expireUntil(nowMs);
    this.#timer = undefined;
    if (this.#first) this.#arm(Math.max(1, this.#first.deadlineMs - nowMs), stalled);
  }

  #expireUntil(nowMs: number): void {
    while (this.#first && this.#first.deadlineMs <= nowMs) {
      const item = this.#first;
      this.remove(item);
      item.expire();
    }
  }
}
