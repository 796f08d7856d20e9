import { Expirable } from '../deadlines.js';
import { joinKey } from '../keys.js';
import { consumeOne } from './ops.js';
import type { Ask } from './ask.js';
import type { LimiterOp, LimiterStep } from './contract.js';
import type { Lane } from './lane.js';

/** What most steps ask; shared, because a list for each was a good part of what core allocates for a call. */
const oneConsumeOne: readonly LimiterOp[] = Object.freeze([consumeOne]);

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
  /** The first caller of each step; the others follow as `behind`, in the order of the operations. */
  readonly asks: Ask[] = [];
  readonly call: BatchCall = new BatchCall();
  /** Sent by a breaker that wants to know whether the store is back. */
  readonly probe: boolean;
  sentMs = 0;
  over = false;
  readonly #name: string;
  readonly #onExpire: (batch: Batch) => void;

  /** `name` is the limiter's. */
  constructor(lane: Lane, name: string, probe: boolean, onExpire: (batch: Batch) => void) {
    super();
    this.lane = lane;
    this.probe = probe;
    this.#name = name;
    this.#onExpire = onExpire;
  }

  /** Whether it is a single operation. */
  get isLone(): boolean {
    return this.steps.length === 1 && this.steps[0]?.ops.length === 1;
  }

  /** Adds a step: `first` and those behind it. */
  add(first: Ask): void {
    const { key, limits, op } = first;
    let ops = oneConsumeOne;
    first.state = 'sent';
    if (first.behind) {
      const all = [op];
      for (let ask: Ask | undefined = first.behind; ask; ask = ask.behind) {
        all.push(ask.op);
        ask.state = 'sent';
      }
      ops = all;
    } else if (op !== consumeOne) ops = [op];
    this.steps.push({ key: joinKey(this.#name, key), limits, ops });
    this.asks.push(first);
    this.lane.busy.add(key);
  }

  override expire(): void {
    this.#onExpire(this);
  }
}
