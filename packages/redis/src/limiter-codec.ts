import { toStepError } from './store-error.js';
import type {
  DenialReason,
  Limit,
  LimiterAnswer,
  LimiterOp,
  LimiterResult,
  LimiterStep,
  LimitReading,
} from '@headgate/core';

/** The arguments of one call of `decideScript`. */
export interface DecideArguments {
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

const policyTexts = new WeakMap<readonly Limit[], string>();

/** A policy as the script reads it and as records begin (`scripts/policy.ts`). */
export function policyText(limits: readonly Limit[]): string {
  let text = policyTexts.get(limits);
  if (text === undefined) {
    text = `hg1 ${limits.map(limitText).join('')}\n`;
    policyTexts.set(limits, text);
  }
  return text;
}

function limitText(limit: Limit): string {
  switch (limit.kind) {
    case 'tokenBucket':
      return `t:${limit.name}:${limit.limit}:${limit.unitsPerUs}:${limit.unitsPerToken};`;
    case 'fixedWindow':
      return `f:${limit.name}:${limit.limit}:${limit.windowUs}:${limit.aligned ? 1 : 0};`;
    case 'slidingWindow':
      return `w:${limit.name}:${limit.limit}:${limit.windowUs};`;
    case 'slidingLog':
      return `l:${limit.name}:${limit.limit}:${limit.windowUs};`;
  }
}

function opText(op: LimiterOp): string {
  switch (op.kind) {
    case 'consume':
      return `c${op.cost}`;
    case 'consumeUpTo':
      return `u${op.cost}`;
    case 'peek':
      return `k${op.cost}`;
    case 'penalize':
      return `p${op.cost}`;
    case 'refund':
      return `r${op.cost}@${op.atUs}`;
    case 'block':
      return `b${op.forUs}`;
    case 'reset':
      return 'x';
  }
}

/** Equal operations in a row travel once, with their number. */
function opsText(ops: readonly LimiterOp[]): string {
  let text = '';
  let last = opText(ops[0] as LimiterOp);
  let times = 1;
  for (let i = 1; i < ops.length; i++) {
    const next = opText(ops[i] as LimiterOp);
    if (next === last) {
      times++;
      continue;
    }
    text += times === 1 ? last : `${last}*${times}`;
    last = next;
    times = 1;
  }
  return text + (times === 1 ? last : `${last}*${times}`);
}

/** Encodes steps for `decideScript`; `keyOf` names a step's record. */
export function encodeSteps(steps: readonly LimiterStep[], keyOf: (key: string) => string): DecideArguments {
  const keys: string[] = [];
  const texts: string[] = [];
  const policies: string[] = [];
  let lastLimits: readonly Limit[] | undefined;
  let lastNumber = 0;
  let same = true;
  for (const { key, limits, ops } of steps) {
    if (limits !== lastLimits) {
      const text = policyText(limits);
      const index = policies.indexOf(text);
      lastNumber = index < 0 ? policies.push(text) : index + 1;
      lastLimits = limits;
    }
    keys.push(keyOf(key));
    const text = lastNumber + opsText(ops);
    same &&= keys.length === 1 || text === texts[0];
    texts.push(text);
  }
  // What all steps have in common, as most batches do, travels once.
  if (same) texts.length = 1;
  return { keys, args: [String(texts.length), ...texts, ...policies] };
}

const reasons: readonly (DenialReason | undefined)[] = [undefined, 'quota', 'blocked', 'capacity'];

/** Decodes the reply of `decideScript`. */
export function decodeReply(store: string, steps: readonly LimiterStep[], reply: readonly unknown[]): LimiterResult[] {
  const values = reply as readonly number[];
  const nowUs = values[0] as number;
  const results: LimiterResult[] = [];
  let at = 1;

  const answer = (limits: readonly Limit[]): LimiterAnswer => {
    const code = values[at] as number;
    const allowed = code === 0;
    const granted = allowed ? Number(values[at + 1]) : 0;
    const violated = allowed ? -1 : (values[at + 1] as number);
    const retryAtUs = allowed ? 0 : code === 3 ? Infinity : nowUs + (values[at + 2] as number);
    at += allowed ? 2 : 3;
    const remaining = values[at] as number;
    const resetAtUs = nowUs + (values[at + 1] as number);
    at += 2;
    const reason = reasons[code];
    if (limits.length === 1) {
      if (reason === undefined) return { allowed, granted, violated, retryAtUs, remaining, resetAtUs };
      return { allowed, granted, reason, violated, retryAtUs, remaining, resetAtUs };
    }
    const readings: LimitReading[] = limits.map(() => {
      at += 2;
      return { remaining: values[at - 2] as number, resetAtUs: nowUs + (values[at - 1] as number) };
    });
    const fields = { allowed, granted, violated, retryAtUs, remaining, resetAtUs, readings };
    return reason === undefined ? fields : { ...fields, reason };
  };

  for (const { key, limits, ops } of steps) {
    const aheadUs = values[at++] as number;
    if (aheadUs === -2) {
      const granted = (ops[0] as { readonly cost: number }).cost;
      const remaining = values[at] as number;
      const resetAtUs = nowUs + (values[at + 1] as number);
      const taken = { allowed: true, granted, violated: -1, retryAtUs: 0, remaining, resetAtUs };
      results.push({ nowUs, atUs: nowUs, answers: [taken] });
      at += 2;
      continue;
    }
    if (aheadUs < 0) {
      results.push({ error: toStepError(store, String(reply[at++]), key) });
      continue;
    }
    const answers: LimiterAnswer[] = [];
    for (let i = 0; i < ops.length; i++) answers.push(answer(limits));
    results.push({ nowUs, atUs: nowUs + aheadUs, answers });
  }
  return results;
}
