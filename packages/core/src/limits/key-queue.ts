import { samePolicy } from './policy.js';
import type { Ask } from './ask.js';

/** The calls of one key that wait for a batch, in order of arrival. */
export class KeyQueue {
  #asks: Ask[];
  #head = 0;

  constructor(first: Ask) {
    this.#asks = [first];
  }

  push(ask: Ask): void {
    this.#asks.push(ask);
  }

  get isEmpty(): boolean {
    return this.#head === this.#asks.length;
  }

  /** Takes the calls at the head that may share a step: the same limits, at most `most`; those that are over are dropped. */
  take(most: number): Ask[] {
    const taken: Ask[] = [];
    while (this.#head < this.#asks.length) {
      const ask = this.#asks[this.#head] as Ask;
      if (ask.state === 'queued') {
        const first = taken[0];
        if (taken.length === most || (first && !samePolicy(first.limits, ask.limits))) break;
        taken.push(ask);
      }
      this.#head++;
    }
    if (this.#head > 1000 && this.#head * 2 > this.#asks.length) {
      this.#asks = this.#asks.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }
}
