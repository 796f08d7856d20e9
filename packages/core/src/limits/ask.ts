import { Expirable } from '../deadlines.js';
import type { LimiterAnswerNow, LimiterOp } from './contract.js';
import type { Limit } from './limit.js';

/** One caller's operation on its way through the lanes of a store. */
export abstract class Ask extends Expirable {
  /** The key as the caller named it; the lanes join the limiter's name to it. */
  readonly key: string;
  readonly limits: readonly Limit[];
  readonly op: LimiterOp;
  /** `over`: answered, timed out or withdrawn; the lanes have forgotten it. */
  state: 'new' | 'queued' | 'sent' | 'over' = 'new';
  /** Set by the lanes that took it: called when its time is up. */
  onExpire: ((ask: Ask) => void) | undefined;
  /** The next ask for the same key, waiting or in the same step. */
  behind: Ask | undefined;
  /** Of the first ask that waits for a key: the last one. */
  last: Ask | undefined;

  constructor(key: string, limits: readonly Limit[], op: LimiterOp) {
    super();
    this.key = key;
    this.limits = limits;
    this.op = op;
  }

  /** The store answered; `sentMs` is the monotonic time at which the question left. */
  abstract answered(answer: LimiterAnswerNow, sentMs: number): void;

  /** There will be no answer; `sent` says whether the store may have acted on it. */
  abstract failed(error: unknown, sent: boolean): void;

  override expire(): void {
    this.onExpire?.(this);
  }
}
