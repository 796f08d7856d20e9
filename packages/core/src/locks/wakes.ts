import type { Queues } from './queue.js';

/** Something that sleeps until a key may be free. */
export interface Sleeper {
  /** The lease that it waits for. */
  readonly leaseId: string;
  /** A hint: the key, maybe none of its own, may be free. */
  wake(key: string): void;
}

/** Hands on what a store tells of its keys: to those in the queues, and to groups, which stand in none. */
export class Wakes {
  readonly groups: Set<Sleeper> = new Set();
  readonly #queues: Queues;

  constructor(queues: Queues) {
    this.#queues = queues;
  }

  /** Wakes everybody who sleeps on the key, or of them only whoever waits for `leaseId`. */
  wake(key: string, leaseId?: string): void {
    for (const sleeper of [...this.#queues.contending(key), ...this.groups]) {
      if (leaseId === undefined || sleeper.leaseId === leaseId) sleeper.wake(key);
    }
  }
}
