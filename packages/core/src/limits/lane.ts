import { BriskMap } from '../brisk-map.js';
import { samePolicy } from './policy.js';
import type { Ask } from './ask.js';
import type { Batch } from './batch.js';

/** The calls of one lane: those under way and those that gather meanwhile. */
export class Lane {
  inFlight = 0;
  /** Calls that wait, those included that are over and not yet dropped. */
  calls = 0;
  /** Set while those who have just been answered ask again: what they ask leaves together. */
  gathers = false;
  /** Keys of the batches under way; a key is in at most one. */
  readonly busy: BriskMap<string, true> = new BriskMap();
  /** The first ask that waits for each key, in order of arrival; the others for the key stand `behind` it. */
  waiting: BriskMap<string, Ask> = new BriskMap();

  push(ask: Ask): void {
    ask.state = 'queued';
    this.calls++;
    const first = this.waiting.get(ask.key);
    if (!first) this.waiting.set(ask.key, ask);
    else {
      (first.last ?? first).behind = ask;
      first.last = ask;
    }
  }

  /** Empties the lane of what waits; returns the first ask of each key. */
  clear(): Iterable<Ask | undefined> {
    const heads = this.waiting.values();
    this.waiting = new BriskMap();
    this.calls = 0;
    return heads;
  }

  /** Moves what may leave together into `batch`. */
  moveTo(batch: Batch, maxSteps: number, maxOps: number): void {
    for (const ask of this.waiting.values()) {
      if (batch.steps.length === maxSteps) break;
      if (this.busy.get(ask.key)) continue;
      this.waiting.delete(ask.key);
      const first = this.#take(ask, maxOps);
      if (first) batch.add(first);
    }
  }

  /**
   * Takes the calls of a key that may share a step: the same limits, at most `most`; those that are over are dropped. What is left goes behind the
   * other keys.
   */
  #take(head: Ask, most: number): Ask | undefined {
    let first: Ask | undefined;
    let last: Ask | undefined;
    let taken = 0;
    let ask: Ask | undefined = head;
    for (; ask; ask = ask.behind) {
      const isQueued = ask.state === 'queued';
      if (isQueued && (taken === most || (first && !samePolicy(first.limits, ask.limits)))) break;
      this.calls--;
      if (!isQueued) continue;
      if (last) last.behind = ask;
      first ??= ask;
      last = ask;
      taken++;
    }
    if (last) last.behind = undefined;
    if (ask) {
      ask.last = head.last;
      this.waiting.set(head.key, ask);
    }
    return first;
  }
}
