import type { Lease } from './lease.js';

/** Longer ones fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Ends leases whose time is up: one timer for all of them, at the first deadline that it knows of. Deadlines may move later, and leases go, without telling it. */
export class Expiries {
  readonly #leases: () => Iterable<Lease>;
  readonly #expire: (lease: Lease) => void;
  #timer: NodeJS.Timeout | undefined;
  #atMs = Infinity;

  /** `expire` is told of each of `leases` whose deadline has passed. */
  constructor(leases: () => Iterable<Lease>, expire: (lease: Lease) => void) {
    this.#leases = leases;
    this.#expire = expire;
  }

  /** A lease ends at this monotonic millisecond. */
  at(deadlineMs: number): void {
    if (deadlineMs >= this.#atMs) return;
    clearTimeout(this.#timer);
    this.#atMs = deadlineMs;
    const delayMs = Math.min(Math.ceil(deadlineMs - performance.now()), longestTimerMs);
    this.#timer = setTimeout(() => this.#look(), delayMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#atMs = Infinity;
    let firstMs = Infinity;
    for (const lease of this.#leases()) {
      if (performance.now() >= lease.deadlineMs) this.#expire(lease);
      else firstMs = Math.min(firstMs, lease.deadlineMs);
    }
    this.at(firstMs);
  }
}
