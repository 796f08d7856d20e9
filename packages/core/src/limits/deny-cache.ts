import { plainAnswer } from './answer.js';
import { leastCost } from './ops.js';
import { samePolicy } from './policy.js';
import type { Clock } from '../clock.js';
import type { Decision } from './api.js';
import type { LimiterAnswerNow, LimiterOp } from './contract.js';
import type { DecisionMaker } from './decision.js';
import type { Limit } from './limit.js';

/** Options of a {@link DenyCache}, with every default in place. */
export interface DenyCacheSettings {
  readonly maxMs: number;
  readonly maxKeys: number;
}

interface Denied {
  readonly limits: readonly Limit[];
  /** The least cost that is known to be refused. */
  readonly cost: number;
  readonly answer: LimiterAnswerNow;
  readonly receivedMs: number;
  readonly untilMs: number;
}

/**
 * Remembers refusals, so that a key that hammers costs the store nothing: the same or a larger cost under the same limits
 * is refused here until the time at which the question *left* plus the store's own retry time, so never longer than the store would.
 * `maxMs` bounds it because another process may refund, reset or raise the limit.
 */
export class DenyCache {
  readonly #clock: Clock;
  readonly #options: DenyCacheSettings;
  readonly #denied = new Map<string, Denied>();

  constructor(clock: Clock, options: DenyCacheSettings) {
    this.#clock = clock;
    this.#options = options;
  }

  /** The refusal of `op` as of now, as `make` makes it, if it is known. */
  find(key: string, limits: readonly Limit[], op: LimiterOp, make: DecisionMaker): Decision | undefined {
    const cost = leastCost(op);
    if (cost === undefined) return undefined;
    const denied = this.#denied.get(key);
    if (!denied) return undefined;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= denied.untilMs) {
      this.#denied.delete(key);
      return undefined;
    }
    if (cost < denied.cost || !samePolicy(limits, denied.limits)) return undefined;
    const { answer } = denied;
    // A cost above a capacity never fits, which only the store's answer for that very cost can say.
    const never = cost < 2 || op.kind === 'consumeUpTo' ? -1 : limits.findIndex(({ limit }) => cost > limit);
    const nowUs = answer.nowUs + Math.floor((nowMs - denied.receivedMs) * 1000);
    const told = plainAnswer(answer, { nowUs, atUs: answer.atUs });
    return make(key, never < 0 ? told : { ...told, reason: 'capacity', violated: never, retryAtUs: Infinity });
  }

  /** Learns from an answer: a refusal is kept, anything else that happened to the key forgets what was known. */
  learn(key: string, limits: readonly Limit[], op: LimiterOp, answer: LimiterAnswerNow, sentMs: number): void {
    const cost = leastCost(op);
    if (op.kind === 'peek') return;
    this.#denied.delete(key);
    if (answer.allowed || cost === undefined) return;
    const forMs = Math.min(this.#options.maxMs, (answer.retryAtUs - answer.nowUs) / 1000);
    if (this.#denied.size >= this.#options.maxKeys) this.#denied.delete(this.#denied.keys().next().value as string);
    this.#denied.set(key, {
      limits,
      cost,
      answer,
      receivedMs: this.#clock.monotonicMs(),
      untilMs: sentMs + forMs,
    });
  }

  forget(key: string): void {
    this.#denied.delete(key);
  }
}
