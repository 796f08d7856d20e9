import { Expirable } from '../deadlines.js';
import { joinKey } from '../keys.js';
import { consumeOne } from './ops.js';
import type { Ask } from './ask.js';
import type { LimiterOp, LimiterStep } from './contract.js';
import type { Lane } from './lane.js';

/** What most steps ask; shared, because a list for each was a good part of what core allocates for a call. */
const oneConsumeOne: LimiterOp[] = [consumeOne];

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
  calls = 0;
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

  /** Adds a step: `first` and those behind it. */
  add(first: Ask): void {
    const { key, limits, op } = first;
    const ops = first.behind || op !== consumeOne ? [] : oneConsumeOne;
    for (let ask: Ask | undefined = first; ask; ask = ask.behind) {
      ask.state = 'sent';
      this.calls++;
      if (ops !== oneConsumeOne) ops.push(ask.op);
    }
    this.steps.push({ key: joinKey(this.#name, key), limits, ops });
    this.asks.push(first);
    this.lane.busy.set(key, true);
  }

  override expire(): void {
    this.#onExpire(this);
  }
}
