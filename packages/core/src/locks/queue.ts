import { BriskMap } from '../brisk-map.js';
import { Few } from './few.js';
import type { LockMode } from './contract.js';
import type { Tenure } from './tenure.js';
import type { Setback, Waiter } from './waiter.js';

/** The callers of this process that want one key in one mode, in order of arrival, and the leases that it has already. */
export class KeyQueue {
  readonly key: string;
  readonly mode: LockMode;
  /** In line, not asking the store. */
  readonly queued: Few<Waiter> = new Few();
  /** Asking the store: one, or as many as permits may be free. */
  readonly contending: Few<Waiter> = new Few();
  readonly tenures: Few<Tenure> = new Few();
  /** What the store last told any of the callers that ask it. */
  setback: Setback | undefined;

  constructor(key: string, mode: LockMode) {
    this.key = key;
    this.mode = mode;
  }

  /** First in line. */
  get head(): Waiter | undefined {
    return this.queued.first;
  }

  /** Whether one more caller that wants `permits` may ask the store. */
  room(permits: number): boolean {
    if (this.mode === 'shared') return this.contending.size === 0;
    return this.contending.size + this.tenures.size < permits;
  }

  get empty(): boolean {
    return this.queued.size + this.contending.size + this.tenures.size === 0;
  }
}

/** The queues that have somebody in them. */
export class Queues {
  /** One map for each mode: a key made of mode and key would be hashed anew each time. */
  readonly #queues: Readonly<Record<LockMode, BriskMap<string, KeyQueue>>> = {
    exclusive: new BriskMap(),
    shared: new BriskMap(),
    permit: new BriskMap(),
  };
  /** Callers in line or asking, over all queues. */
  waiting = 0;

  find(key: string, mode: LockMode): KeyQueue | undefined {
    return this.#queues[mode].get(key);
  }

  open(key: string, mode: LockMode): KeyQueue {
    const found = this.#queues[mode].get(key);
    if (found) return found;
    const queue = new KeyQueue(key, mode);
    this.#queues[mode].set(key, queue);
    return queue;
  }

  /** Drops the queue when nobody is in it. */
  tidy(queue: KeyQueue): void {
    if (queue.empty) this.#queues[queue.mode].delete(queue.key);
  }

  /** Those who ask the store for `key`, or sleep between two attempts. */
  *contending(key: string): IterableIterator<Waiter> {
    for (const queues of Object.values(this.#queues)) yield* queues.get(key)?.contending ?? [];
  }

  *waiters(): IterableIterator<Waiter> {
    for (const queues of Object.values(this.#queues)) {
      for (const queue of queues.values()) {
        yield* queue.contending;
        yield* queue.queued;
      }
    }
  }
}
