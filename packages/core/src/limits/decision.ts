import type { DecisionSource } from '../hooks/events.js';
import type { Decision, DeniedDecision, PolicyDetail } from './api.js';
import type { LimiterAnswer, LimiterAnswerNow, LimiterDecided, LimitReading } from './contract.js';
import type { Limit } from './limit.js';

/** Who decided, and by which limits. */
interface Asked {
  readonly limits: readonly Limit[];
  readonly source: DecisionSource;
  /** Identity of the limiter. */
  readonly owner: object;
  /** Units the caller may use, when they differ from those charged: a fallback's share may be smaller than a cost. */
  readonly granted: number | undefined;
}

/** What a refund has to know about the decision it gives back. */
export interface Charge extends Omit<Asked, 'granted'> {
  readonly key: string;
  /** Units that were really charged. */
  readonly units: number;
  readonly atUs: number;
}

/** A store's answer, or what a failure mode answers in its place. */
type Outcome = Omit<LimiterAnswerNow, 'reason'> & { readonly reason?: DeniedDecision['reason'] | undefined };

/**
 * A store's answer as callers see it. In process this object is most of what a decision costs, so it is one object with ordinary fields that only the constructor
 * mentions: fields that a class declares, `#private` ones too, are each written twice and take so much code that the engine no longer builds the object in place.
 */
class AnsweredDecision {
  declare readonly allowed: boolean;
  declare readonly reason: string | undefined;
  declare readonly violated: string | undefined;
  declare readonly retryAfterMs: number | undefined;
  declare readonly remaining: number;
  declare readonly resetAtMs: number;
  declare readonly atMs: number;
  declare readonly asked: Asked;
  declare readonly key: string;
  declare readonly units: number;
  declare readonly atUs: number;
  declare readonly readings: readonly LimitReading[] | undefined;

  constructor(answer: Outcome, asked: Asked, key: string) {
    const { allowed, violated, nowUs } = answer;
    this.allowed = allowed;
    this.reason = answer.reason;
    this.violated = violated < 0 ? undefined : asked.limits[violated]?.name;
    this.retryAfterMs = allowed ? undefined : (answer.retryAtUs - nowUs) / 1000;
    this.remaining = answer.remaining;
    this.resetAtMs = answer.resetAtUs / 1000;
    this.atMs = nowUs / 1000;
    this.asked = asked;
    this.key = key;
    this.units = answer.granted;
    this.atUs = answer.atUs;
    this.readings = answer.readings;
  }

  get source(): DecisionSource {
    return this.asked.source;
  }

  get granted(): number {
    return this.asked.granted ?? this.units;
  }

  get limit(): number {
    const { asked, readings, remaining } = this;
    return asked.limits.find((_limit, i) => (readings?.[i]?.remaining ?? 0) <= remaining)?.limit as number;
  }

  get policies(): readonly PolicyDetail[] {
    const { readings, remaining, resetAtMs } = this;
    return this.asked.limits.map(({ name, limit, windowMs }, i) => {
      const reading = readings?.[i];
      if (reading) return { name, limit, windowMs, remaining: reading.remaining, resetAtMs: reading.resetAtUs / 1000 };
      return { name, limit, windowMs, remaining, resetAtMs };
    });
  }

  /** The plain object that `JSON.stringify` and `console.log` show. */
  toJSON(): object {
    const { allowed, granted, limit, remaining, resetAtMs, atMs, source, reason, violated, retryAfterMs, policies } =
      this;
    const denial = allowed ? {} : { reason, ...(violated && { violated }), retryAfterMs };
    return { allowed, granted, limit, remaining, resetAtMs, atMs, source, ...denial, policies };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON();
  }
}

/**
 * Makes decisions of a store's answers to one question: `decisionsBy(limits, source, owner)(key, answer)`. `granted` is what the caller may use, when that is not
 * what was charged.
 */
export function decisionsBy(
  limits: readonly Limit[],
  source: DecisionSource,
  owner: object,
  granted?: number,
): (key: string, answer: Outcome) => Decision {
  const asked = { limits, source, owner, granted };
  return (key, answer) => new AnsweredDecision(answer, asked, key) as unknown as Decision;
}

/** What a decision charged; `undefined` for anything that is not a decision of this package. */
export function chargeOf(decision: unknown): Charge | undefined {
  if (!(decision instanceof AnsweredDecision)) return undefined;
  const { asked, key, units, atUs } = decision;
  return { ...asked, key, units, atUs };
}

/** An operation's answer together with the clocks of its step, which it may bring along. */
export function answerNow(answer: LimiterAnswer, { nowUs, atUs }: LimiterDecided): LimiterAnswerNow {
  return 'atUs' in answer ? (answer as LimiterAnswerNow) : { ...answer, nowUs, atUs };
}
