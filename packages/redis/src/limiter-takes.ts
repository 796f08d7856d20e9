import { policyText } from './limiter-codec.js';
import type {
  FixedWindowLimit,
  LimiterAnswer,
  LimiterAnswerNow,
  LimiterDecided,
  LimiterOp,
  LimiterStep,
  TokenBucketLimit,
} from '@headgate/core';

/** The limits that `takeScripts` know. */
type TakeLimit = TokenBucketLimit | FixedWindowLimit;

/** One call of the script of `takeScripts` that has the name `kind`. */
export interface TakeCall {
  readonly kind: TakeLimit['kind'];
  /** Number of keys, keys, arguments. */
  readonly args: (string | number)[];
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
  const args: (string | number)[] = [steps.length];
  let alike = true;
  for (const step of steps) {
    if (step.limits !== limits && policyText(step.limits) !== head) return undefined;
    const own = costOf(step.ops);
    if (own < 1 || own > limit.limit) return undefined;
    alike &&= own === cost && step.ops.length === times;
    args.push(keyOf(step.key));
  }
  args.push(head, limit.limit);
  if (limit.kind === 'tokenBucket') args.push(limit.unitsPerUs, limit.unitsPerToken);
  else args.push(limit.windowUs, limit.aligned ? 1 : 0);
  if (alike) args.push(cost, times);
  else args.push('', steps.map((step) => `${costOf(step.ops)}*${step.ops.length};`).join(''));
  return { kind: limit.kind, args };
}

/** Decodes the reply of `takeScripts`: what core's `decideStep` answers for each step, or `undefined` for one that is left to `decideScript`. */
export function decodeTakes(steps: readonly LimiterStep[], reply: Buffer): (LimiterDecided | undefined)[] {
  const numbers = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  const nowUs = numbers.getFloat64(0, true);
  const [limit] = (steps[0] as LimiterStep).limits as readonly [TakeLimit];
  const results: (LimiterDecided | undefined)[] = [];
  for (let i = 0; i < steps.length; i++) {
    const { ops } = steps[i] as LimiterStep;
    const a = numbers.getFloat64(8 + 16 * i, true);
    const b = numbers.getFloat64(16 + 16 * i, true);
    if (b < 0) {
      results.push(undefined);
      continue;
    }
    const { cost } = ops[0] as { readonly cost: number };
    const answers: LimiterAnswer[] = [];
    if (limit.kind === 'tokenBucket') addBucketAnswers(answers, limit, a, ops.length, cost, nowUs);
    else addWindowAnswers(answers, limit, a, b, ops.length, cost, nowUs);
    results.push({ nowUs, atUs: nowUs, answers });
  }
  return results;
}

/** What `times` operations of `cost` on a bucket of `level` come to. */
function addBucketAnswers(
  answers: LimiterAnswer[],
  limit: TokenBucketLimit,
  level: number,
  times: number,
  cost: number,
  nowUs: number,
): void {
  const { unitsPerToken, unitsPerUs } = limit;
  const full = limit.limit * unitsPerToken;
  const units = cost * unitsPerToken;
  let left = level;
  for (let i = 0; i < times; i++) {
    const missing = units - left;
    if (missing <= 0) left -= units;
    const remaining = Math.max(0, Math.floor(left / unitsPerToken));
    const resetAtUs = nowUs + Math.ceil((full - left) / unitsPerUs);
    answers.push(
      missing <= 0
        ? taken(cost, remaining, resetAtUs, nowUs)
        : denied(nowUs + Math.ceil(missing / unitsPerUs), remaining, resetAtUs, nowUs),
    );
  }
}

/** What `times` operations of `cost` on a window of `used` units that began at `startUs` come to. */
function addWindowAnswers(
  answers: LimiterAnswer[],
  limit: FixedWindowLimit,
  used: number,
  startUs: number,
  times: number,
  cost: number,
  nowUs: number,
): void {
  const endUs = startUs + limit.windowUs;
  let count = used;
  for (let i = 0; i < times; i++) {
    const fits = cost <= limit.limit - count;
    if (fits) count += cost;
    const remaining = Math.max(0, limit.limit - count);
    answers.push(fits ? taken(cost, remaining, endUs, nowUs) : denied(endUs, remaining, endUs, nowUs));
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
