import { abortListeners } from '../on-abort.js';
import { Ask } from './ask.js';
import type { Decision } from './api.js';
import type { LimiterAnswerNow, LimiterOp } from './contract.js';
import type { Limit } from './limit.js';
import type { Policy } from './policy.js';

/** What becomes of a {@link Call}. */
export interface CallHandler {
  /** Makes a decision of an answer; also asked for a caller who has given up, because the answer is news about the key. */
  decided(call: Call, answer: LimiterAnswerNow, sentMs: number): Decision;
  /** Makes a decision of a failure, or throws. */
  failed(call: Call, error: unknown, sent: boolean): Decision | Promise<Decision>;
  withdraw(call: Call): void;
}

type Resolve = (decision: Decision | Promise<Decision>) => void;
type Reject = (error: unknown) => void;

let resolveLatest: Resolve;
let rejectLatest: Reject;
// One function for all calls: a closure for each is among the things that make a call expensive.
const hold = (resolve: Resolve, reject: Reject): void => {
  resolveLatest = resolve;
  rejectLatest = reject;
};

/** An operation with a caller who waits for its decision and may give up. */
export class Call extends Ask {
  readonly policy: Policy;
  readonly signal: AbortSignal | undefined;
  readonly #handler: CallHandler;
  #resolve: Resolve | undefined;
  #reject: Reject | undefined;

  constructor(
    handler: CallHandler,
    key: string,
    policy: Policy,
    limits: readonly Limit[],
    op: LimiterOp,
    signal: AbortSignal | undefined,
  ) {
    super(key, limits, op);
    this.#handler = handler;
    this.policy = policy;
    this.signal = signal;
  }

  /** Sends the call on its way with `send` and promises its decision. */
  run(send: (call: Call) => void): Promise<Decision> {
    const promise = new Promise<Decision>(hold);
    this.#resolve = resolveLatest;
    this.#reject = rejectLatest;
    abortListeners(this.signal)?.add(this);
    try {
      send(this);
    } catch (error) {
      this.#end(error);
    }
    return promise;
  }

  override answered(answer: LimiterAnswerNow, sentMs: number): void {
    const decision = this.#handler.decided(this, answer, sentMs);
    this.#resolve?.(decision);
    this.#settle();
  }

  override failed(error: unknown, sent: boolean): void {
    if (!this.#resolve) return;
    try {
      this.#resolve(this.#handler.failed(this, error, sent));
    } catch (final) {
      this.#reject?.(final);
    }
    this.#settle();
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.#handler.withdraw(this);
    this.#end(this.signal?.reason);
  }

  #end(error: unknown): void {
    this.#reject?.(error);
    this.#settle();
  }

  #settle(): void {
    this.#resolve = undefined;
    this.#reject = undefined;
    abortListeners(this.signal)?.delete(this);
  }
}
