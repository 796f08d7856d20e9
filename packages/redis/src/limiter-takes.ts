import { policyText } from './limiter-codec.js';
import { takeParameters } from './take-parameters.js';
import type {
  FixedWindowLimit,
  LimiterAnswer,
  LimiterAnswerNow,
  LimiterDecided,
  LimiterOp,
  LimiterStep,
  TokenBucketLimit,
} from '@headgate/core';
import type { TakeLimit } from './take-parameters.js';

/** One call of the script of `takeScripts` that has the name `kind`. */
export interface TakeCall {
  readonly kind: TakeLimit['kind'];
  /** Number of keys, keys, arguments. */
  readonly args: string[];
}

/** The cost of operations that all are `consume` of the same cost; 0 for others. */
function costOf(ops: readonly LimiterOp[]): number {
  const first = ops[0] as LimiterOp;
  if (first.kind !== 'consume') return 0;
  for (let i = 1; i < ops.length; i++) {
    const op = ops[i] as LimiterOp;
    if (op.kind !== 'consume' || op.cost !== first.cost) return 0;
  }
  return first.cost;
}

/** Encodes steps for `takeScripts`; `undefined` when they are not for them. `keyOf` names a step's record. */
export function encodeTakes(steps: readonly LimiterStep[], keyOf: (key: string) => string): TakeCall | undefined {
  const { limits, ops } = steps[0] as LimiterStep;
  const limit = limits[0];
  if (limits.length !== 1 || (limit?.kind !== 'tokenBucket' && limit?.kind !== 'fixedWindow')) return undefined;
  const head = policyText(limits);
  const cost = costOf(ops);
  const times = ops.length;
  const args = [String(steps.length)];
  let alike = true;
  for (const step of steps) {
    if (step.limits !== limits && policyText(step.limits) !== head) return undefined;
    const own = costOf(step.ops);
    if (own < 1 || own > limit.limit) return undefined;
    alike &&= own === cost && step.ops.length === times;
    args.push(keyOf(step.key));
  }
  if (alike) args.push(takeParameters(limits, cost, times));
  else args.push(takeParameters(limits, 0, 0), steps.map((step) => `${costOf(step.ops)}*${step.ops.length};`).join(''));
  return { kind: limit.kind, args };
}

/** Decodes the reply of `takeScripts`: what core's `decideStep` answers for each step, or `undefined` for one that is left to `decideScript`. */
export function decodeTakes(steps: readonly LimiterStep[], reply: Buffer): (LimiterDecided | undefined)[] {
  const numbers = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  const nowUs = numbers.getFloat64(0, true);
  const [limit] = (steps[0] as LimiterStep).limits as readonly [TakeLimit];
  const isBucket = limit.kind === 'tokenBucket';
  const bytes = isBucket ? 8 : 16;
  const tally = isBucket ? new BucketTally(limit, nowUs) : new WindowTally(limit, nowUs);
  return steps.map(({ ops }, i) => {
    const at = 8 + bytes * i;
    const a = numbers.getFloat64(at, true);
    if (Number.isNaN(a)) return undefined;
    const { cost } = ops[0] as { readonly cost: number };
    tally.begin(a, isBucket ? 0 : numbers.getFloat64(at + 8, true));
    // A list of one is written down, because one that grows makes room for seventeen.
    const first = tally.answer(cost);
    const answers = ops.length === 1 ? [first] : [first, ...ops.slice(1).map(() => tally.answer(cost))];
    return { nowUs, atUs: nowUs, answers };
  });
}

/** A token bucket as one operation after the other finds it. */
class BucketTally {
  readonly #limit: TokenBucketLimit;
  readonly #nowUs: number;
  #level = 0;

  constructor(limit: TokenBucketLimit, nowUs: number) {
    this.#limit = limit;
    this.#nowUs = nowUs;
  }

  begin(level: number): void {
    this.#level = level;
  }

  answer(cost: number): LimiterAnswer {
    const nowUs = this.#nowUs;
    const { limit, unitsPerToken, unitsPerUs } = this.#limit;
    const missing = cost * unitsPerToken - this.#level;
    if (missing <= 0) this.#level = -missing;
    const level = this.#level;
    const remaining = Math.max(0, Math.floor(level / unitsPerToken));
    const resetAtUs = nowUs + Math.ceil((limit * unitsPerToken - level) / unitsPerUs);
    if (missing <= 0) return taken(cost, remaining, resetAtUs, nowUs);
    return denied(nowUs + Math.ceil(missing / unitsPerUs), remaining, resetAtUs, nowUs);
  }
}

/** A fixed window as one operation after the other finds it. */
class WindowTally {
  readonly #limit: FixedWindowLimit;
  readonly #nowUs: number;
  #used = 0;
  #endUs = 0;

  constructor(limit: FixedWindowLimit, nowUs: number) {
    this.#limit = limit;
    this.#nowUs = nowUs;
  }

  begin(used: number, startUs: number): void {
    this.#used = used;
    this.#endUs = startUs + this.#limit.windowUs;
  }

  answer(cost: number): LimiterAnswer {
    const { limit } = this.#limit;
    const fits = cost <= limit - this.#used;
    if (fits) this.#used += cost;
    const remaining = Math.max(0, limit - this.#used);
    const endUs = this.#endUs;
    return fits ? taken(cost, remaining, endUs, this.#nowUs) : denied(endUs, remaining, endUs, this.#nowUs);
  }
}

// The answers bring their step's clocks along, so that core need not copy them.
function taken(granted: number, remaining: number, resetAtUs: number, nowUs: number): LimiterAnswerNow {
  return { allowed: true, granted, violated: -1, retryAtUs: 0, remaining, resetAtUs, nowUs, atUs: nowUs };
}

function denied(retryAtUs: number, remaining: number, resetAtUs: number, nowUs: number): LimiterAnswerNow {
  return {
    allowed: false,
    granted: 0,
    reason: 'quota',
    violated: 0,
    retryAtUs,
    remaining,
    resetAtUs,
    nowUs,
    atUs: nowUs,
  };
}
