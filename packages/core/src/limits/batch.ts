import { Expirable } from '../deadlines.js';
import type { Ask } from './ask.js';
import type { LimiterStep } from './contract.js';
import type { Lane } from './lane.js';

/** The signal of a round trip, made only when the store looks at it. */
class BatchCall {
  #controller: AbortController | undefined;
  #aborted = false;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.#controller.abort();
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
  }
}

/** One round trip of a lane. It is sent once and never again. */
export class Batch extends Expirable {
  readonly lane: Lane;
  readonly steps: LimiterStep[] = [];
  /** The callers of each step, in the order of its operations. */
  readonly asks: Ask[][] = [];
  readonly call: BatchCall = new BatchCall();
  /** Sent by a breaker that wants to know whether the store is back. */
  readonly probe: boolean;
  sentMs = 0;
  over = false;
  readonly #onExpire: (batch: Batch) => void;

  constructor(lane: Lane, probe: boolean, onExpire: (batch: Batch) => void) {
    super();
    this.lane = lane;
    this.probe = probe;
    this.#onExpire = onExpire;
  }

  add(asks: Ask[]): void {
    const { key, limits } = asks[0] as Ask;
    this.steps.push({ key, limits, ops: asks.map(({ op }) => op) });
    this.asks.push(asks);
    this.lane.busy.add(key);
    for (const ask of asks) ask.state = 'sent';
  }

  override expire(): void {
    this.#onExpire(this);
  }
}
