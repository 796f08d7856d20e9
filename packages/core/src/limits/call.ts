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

/** An operation with a caller who waits for its decision and may give up. */
export class Call extends Ask {
  /** The key as the caller named it. */
  readonly userKey: string;
  readonly policy: Policy;
  readonly signal: AbortSignal | undefined;
  readonly #handler: CallHandler;
  #resolve: ((decision: Decision | Promise<Decision>) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  constructor(
    handler: CallHandler,
    userKey: string,
    recordKey: string,
    policy: Policy,
    limits: readonly Limit[],
    op: LimiterOp,
    signal: AbortSignal | undefined,
  ) {
    super(recordKey, limits, op);
    this.#handler = handler;
    this.userKey = userKey;
    this.policy = policy;
    this.signal = signal;
  }

  /** Sends the call on its way with `send` and promises its decision. */
  run(send: (call: Call) => void): Promise<Decision> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      send(this);
      if (this.#reject !== undefined) this.signal?.addEventListener('abort', this, { once: true });
    });
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
    this.#reject?.(this.signal?.reason);
    this.#settle();
  }

  #settle(): void {
    this.#resolve = undefined;
    this.#reject = undefined;
    this.signal?.removeEventListener('abort', this);
  }
}
