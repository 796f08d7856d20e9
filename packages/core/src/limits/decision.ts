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

// What a decision keeps to itself. Symbols, so that `structuredClone` passes over them: a limiter cannot be cloned.
const askedBy = Symbol();
const askedKey = Symbol();
const charged = Symbol();
const chargedAtUs = Symbol();
const readingsOf = Symbol();

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
  declare readonly source: DecisionSource;
  declare readonly granted: number;
  declare readonly [askedBy]: Asked;
  declare readonly [askedKey]: string;
  declare readonly [charged]: number;
  declare readonly [chargedAtUs]: number;
  declare readonly [readingsOf]: readonly LimitReading[] | undefined;

  constructor(answer: Outcome, asked: Asked, key: string, nowUs: number) {
    const { allowed, violated } = answer;
    this.allowed = allowed;
    this.reason = answer.reason;
    this.violated = violated < 0 ? undefined : asked.limits[violated]?.name;
    this.retryAfterMs = allowed ? undefined : (answer.retryAtUs - nowUs) / 1000;
    this.remaining = answer.remaining;
    this.resetAtMs = answer.resetAtUs / 1000;
    this.atMs = nowUs / 1000;
    this.source = asked.source;
    this[askedBy] = asked;
    this[askedKey] = key;
    this[charged] = answer.granted;
    this.granted = asked.granted ?? answer.granted;
    this[chargedAtUs] = answer.atUs;
    this[readingsOf] = answer.readings;
  }

  get limit(): number {
    return this[askedBy].limits.find((_limit, i) => !((this[readingsOf]?.[i]?.remaining as number) > this.remaining))
      ?.limit as number;
  }

  get policies(): readonly PolicyDetail[] {
    return this[askedBy].limits.map(({ name, limit, windowMs }, i) => {
      const reading = this[readingsOf]?.[i];
      const remaining = reading?.remaining ?? this.remaining;
      return { name, limit, windowMs, remaining, resetAtMs: reading ? reading.resetAtUs / 1000 : this.resetAtMs };
    });
  }

  /** The plain object that `JSON.stringify` and `console.log` show. */
  toJSON(): object {
    const { allowed, granted, limit, remaining, resetAtMs, atMs, source, reason, violated, retryAfterMs, policies } =
      this;
    return {
      allowed,
      granted,
      limit,
      remaining,
      resetAtMs,
      atMs,
      source,
      ...(!allowed && { reason, ...(violated && { violated }), retryAfterMs }),
      policies,
    };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON();
  }
}

/** Makes a decision of a store's answer as of `nowUs`, epoch microseconds by the store's clock; by default the answer's own. */
export type DecisionMaker = (key: string, answer: Outcome, nowUs?: number) => Decision;

/**
 * Makes decisions of a store's answers to one question: `decisionsBy(limits, source, owner)(key, answer)`. `granted` is what the caller may use, when that is not
 * what was charged.
 */
export function decisionsBy(
  limits: readonly Limit[],
  source: DecisionSource,
  owner: object,
  granted?: number,
): DecisionMaker {
  const asked = { limits, source, owner, granted };
  return (key, answer, nowUs = answer.nowUs) => new AnsweredDecision(answer, asked, key, nowUs) as unknown as Decision;
}

/** A promise of a decision, or the promise that was given. */
export function promised(decision: Decision | Promise<Decision>): Promise<Decision> {
  // Besides telling a promise apart, this spares `resolve` its own search for a `then`: the compiler sees that decisions have none.
  return 'then' in decision ? decision : Promise.resolve(decision);
}

/** What a decision charged; `undefined` for anything that is not a decision of this package. */
export function chargeOf(decision: unknown): Charge | undefined {
  if (!(decision instanceof AnsweredDecision)) return undefined;
  return { ...decision[askedBy], key: decision[askedKey], units: decision[charged], atUs: decision[chargedAtUs] };
}

/** An operation's answer together with the clocks of its step, which it may bring along. */
export function answerNow(answer: LimiterAnswer, { nowUs, atUs }: LimiterDecided): LimiterAnswerNow {
  if ('atUs' in answer) return answer as LimiterAnswerNow;
  const { allowed, granted, reason, violated, retryAtUs, remaining, resetAtUs, readings } = answer;
  // Spelt out: a spread took half the time that core spends on a gathered call.
  return { allowed, granted, reason, violated, retryAtUs, remaining, resetAtUs, readings, nowUs, atUs };
}
