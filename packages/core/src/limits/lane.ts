import { KeyQueue } from './key-queue.js';
import type { Ask } from './ask.js';
import type { Batch } from './batch.js';

/** The calls of one lane: those under way and those that gather meanwhile. */
export class Lane {
  inFlight = 0;
  /** Set while those who have just been answered ask again: what they ask leaves together. */
  gathers = false;
  /** Keys of the batches under way; a key is in at most one. */
  readonly busy: Set<string> = new Set();
  /** What waits, by key, in order of arrival. */
  readonly #waiting = new Map<string, KeyQueue>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  get waitingSteps(): number {
    return this.#waiting.size;
  }

  /** Steps under way and waiting. */
  get steps(): number {
    return this.busy.size + this.#waiting.size;
  }

  push(ask: Ask): void {
    ask.state = 'queued';
    const queue = this.#waiting.get(ask.key);
    if (queue) queue.push(ask);
    else this.#waiting.set(ask.key, new KeyQueue(ask));
  }

  /** Moves what may leave together into `batch`; returns the number of calls. */
  moveTo(batch: Batch, maxSteps: number, maxOps: number): number {
    let calls = 0;
    for (const [key, queue] of this.#waiting) {
      if (batch.steps.length === maxSteps) break;
      if (this.busy.has(key)) continue;
      const asks = queue.take(maxOps);
      this.#waiting.delete(key);
      // What is left of a hot key goes behind the others.
      if (!queue.isEmpty) this.#waiting.set(key, queue);
      if (asks.length === 0) continue;
      batch.add(asks);
      calls += asks.length;
    }
    return calls;
  }

  /** Takes out everything that waits. */
  drain(): Ask[] {
    const asks: Ask[] = [];
    for (const queue of this.#waiting.values()) {
      while (!queue.isEmpty) asks.push(...queue.take(1000));
    }
    this.#waiting.clear();
    return asks;
  }
}
