import type { DecisionSource } from '../hooks/events.js';
import type { Decision, DeniedDecision, PlainDecision, PolicyDetail } from './api.js';
import type { LimiterAnswerNow } from './contract.js';
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

// What a decision is computed from. Symbols, so that nobody takes them for part of it.
const answered = Symbol();
const askedBy = Symbol();
const askedKey = Symbol();

/**
 * A store's answer as callers see it, computed when it is read: in process, making this object is most of what a decision costs, and few callers read more than
 * `allowed`. Its fields are ordinary ones that only the constructor mentions: those that a class declares, `#private` ones too, are each written twice and take so
 * much code that the engine no longer builds the object in place.
 */
class AnsweredDecision {
  declare readonly [answered]: Outcome;
  declare readonly [askedBy]: Asked;
  declare readonly [askedKey]: string;

  constructor(answer: Outcome, asked: Asked, key: string) {
    this[answered] = answer;
    this[askedBy] = asked;
    this[askedKey] = key;
  }

  get allowed(): boolean {
    return this[answered].allowed;
  }

  get granted(): number {
    return this[askedBy].granted ?? this[answered].granted;
  }

  get remaining(): number {
    return this[answered].remaining;
  }

  get resetAtMs(): number {
    return this[answered].resetAtUs / 1000;
  }

  get atMs(): number {
    return this[answered].nowUs / 1000;
  }

  get source(): DecisionSource {
    return this[askedBy].source;
  }

  get reason(): string | undefined {
    return this[answered].reason;
  }

  get violated(): string | undefined {
    return this[askedBy].limits[this[answered].violated]?.name;
  }

  get retryAfterMs(): number | undefined {
    const { allowed, retryAtUs, nowUs } = this[answered];
    return allowed ? undefined : (retryAtUs - nowUs) / 1000;
  }

  get limit(): number {
    return this.policies.find(({ remaining }) => remaining <= this.remaining)?.limit as number;
  }

  get policies(): readonly PolicyDetail[] {
    const { [answered]: answer, [askedBy]: asked } = this;
    return asked.limits.map(({ name, limit, windowMs }, i) => {
      // A single limit stands as the whole answer does.
      const { remaining, resetAtUs } = answer.readings?.[i] ?? answer;
      return { name, limit, windowMs, remaining, resetAtMs: resetAtUs / 1000 };
    });
  }

  /** The plain object that `JSON.stringify` and `console.log` show. */
  toJSON(): PlainDecision {
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
    } as PlainDecision;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON();
  }
}

/** Makes a decision of a store's answer. */
export type DecisionMaker = (key: string, answer: Outcome) => Decision;

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
  return (key, answer) => new AnsweredDecision(answer, asked, key) as unknown as Decision;
}

/** A promise of a decision, or the promise that was given. */
export function promised(decision: Decision | Promise<Decision>): Promise<Decision> {
  // Besides telling a promise apart, this spares `resolve` its own search for a `then`: the compiler sees that decisions have none.
  return 'then' in decision ? decision : Promise.resolve(decision);
}

/** What a decision charged; `undefined` for anything that is not a decision of this package. */
export function chargeOf(decision: unknown): Charge | undefined {
  if (!(decision instanceof AnsweredDecision)) return undefined;
  const { granted, atUs } = decision[answered];
  return { ...decision[askedBy], key: decision[askedKey], units: granted, atUs };
}
