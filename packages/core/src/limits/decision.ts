import type { DecisionSource } from '../hooks/events.js';
import type { Decision, PolicyDetail } from './api.js';
import type { LimiterAnswer, LimiterAnswerNow, LimiterDecided } from './contract.js';
import type { Limit } from './limit.js';

/** What a refund has to know about the decision it gives back. */
export interface Charge {
  /** Identity of the limiter that decided. */
  readonly owner: object;
  readonly key: string;
  readonly limits: readonly Limit[];
  readonly source: DecisionSource;
  /** Units that were really charged. */
  readonly units: number;
  readonly atUs: number;
}

/** A store's answer as callers see it: everything is computed when it is read, so that a decision costs one small object. */
class AnsweredDecision {
  readonly source: DecisionSource;
  readonly #answer: LimiterAnswerNow;
  readonly #limits: readonly Limit[];
  readonly #owner: object;
  readonly #key: string;
  /** Units to use when they differ from those charged: a fallback's share may be smaller than a cost. */
  readonly #granted: number;

  constructor(
    answer: LimiterAnswerNow,
    limits: readonly Limit[],
    source: DecisionSource,
    owner: object,
    key: string,
    granted: number,
  ) {
    this.source = source;
    this.#answer = answer;
    this.#limits = limits;
    this.#owner = owner;
    this.#key = key;
    this.#granted = granted;
  }

  get allowed(): boolean {
    return this.#answer.allowed;
  }

  get granted(): number {
    return this.#granted;
  }

  get limit(): number {
    const { readings } = this.#answer;
    let tightest = 0;
    if (readings) {
      for (let i = 1; i < readings.length; i++) {
        if ((readings[i]?.remaining as number) < (readings[tightest]?.remaining as number)) tightest = i;
      }
    }
    return this.#limits[tightest]?.limit as number;
  }

  get remaining(): number {
    return this.#answer.remaining;
  }

  get resetAtMs(): number {
    return this.#answer.resetAtUs / 1000;
  }

  get atMs(): number {
    return this.#answer.nowUs / 1000;
  }

  get reason(): string | undefined {
    return this.source === 'closed' ? 'closed' : this.#answer.reason;
  }

  get violated(): string | undefined {
    return this.#limits[this.#answer.violated]?.name;
  }

  get retryAfterMs(): number | undefined {
    const { allowed, retryAtUs, nowUs } = this.#answer;
    return allowed ? undefined : (retryAtUs - nowUs) / 1000;
  }

  get policies(): readonly PolicyDetail[] {
    const { readings, remaining, resetAtUs } = this.#answer;
    return this.#limits.map(({ name, limit, windowMs }, i) => {
      const reading = readings?.[i] ?? { remaining, resetAtUs };
      return { name, limit, windowMs, remaining: reading.remaining, resetAtMs: reading.resetAtUs / 1000 };
    });
  }

  /** The plain object that `JSON.stringify` and `console.log` show. */
  toJSON(): object {
    const { allowed, granted, limit, remaining, resetAtMs, atMs, source, reason, violated, retryAfterMs, policies } =
      this;
    const shared = { allowed, granted, limit, remaining, resetAtMs, atMs, source };
    if (allowed) return { ...shared, policies };
    return { ...shared, reason, ...(violated === undefined ? {} : { violated }), retryAfterMs, policies };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON();
  }

  static charge(decision: unknown): Charge | undefined {
    // A private name also proves that it was made here.
    if (typeof decision !== 'object' || decision === null || !(#answer in decision)) return undefined;
    const { atUs, granted } = decision.#answer;
    return {
      owner: decision.#owner,
      key: decision.#key,
      limits: decision.#limits,
      source: decision.source,
      units: granted,
      atUs,
    };
  }
}

/** Makes a decision of a store's answer. `granted` is what the caller may use; the answer's own `granted` is what was charged. */
export function createDecision(
  answer: LimiterAnswerNow,
  limits: readonly Limit[],
  source: DecisionSource,
  owner: object,
  key: string,
  granted: number = answer.granted,
): Decision {
  return new AnsweredDecision(answer, limits, source, owner, key, granted) as unknown as Decision;
}

/** What a decision charged; `undefined` for anything that is not a decision of this package. */
export function chargeOf(decision: unknown): Charge | undefined {
  return AnsweredDecision.charge(decision);
}

/** An operation's answer together with the clocks of its step, which it may bring along. */
export function answerNow(answer: LimiterAnswer, { nowUs, atUs }: LimiterDecided): LimiterAnswerNow {
  return 'atUs' in answer ? (answer as LimiterAnswerNow) : { ...answer, nowUs, atUs };
}
