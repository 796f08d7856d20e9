import { decideStep, RecordVersionError, recordVersion, StoreError } from '@headgate/core';
import { answerConsumes } from './bucket-answers.js';
import { storeName } from './errors.js';
import type { Limit, LimiterOp, LimiterRecord, LimiterResult, LimiterStep, RecordEntry } from '@headgate/core';

const kinds = ['tokenBucket', 'fixedWindow', 'slidingWindow', 'slidingLog'] as const;
const opCodes = { consume: 0, consumeUpTo: 1, peek: 2, refund: 3, penalize: 4, block: 5, reset: 6 } as const;

/** Steps that only consume from one token bucket each, in arrays. */
export interface Consumes {
  readonly limits: readonly Limit[];
  readonly keys: readonly string[];
  readonly policies: readonly number[];
  readonly ends: readonly number[];
  readonly costs: readonly number[];
  readonly counts: readonly number[];
}

/** The steps as consumes, or `undefined` when one is not of this common case. Steps are in key order. */
export function asConsumes(steps: readonly LimiterStep[]): Consumes | undefined {
  const limits: Limit[] = [];
  const keys: string[] = [];
  const policies: number[] = [];
  const ends: number[] = [];
  const costs: number[] = [];
  const counts: number[] = [];
  for (const step of steps) {
    const limit = step.limits[0] as Limit;
    if (step.limits.length !== 1 || limit.kind !== 'tokenBucket') return undefined;
    for (let i = 0, before = -1; i < step.ops.length; i++) {
      const op = step.ops[i] as LimiterOp;
      // What cannot change anything need not be sent: the client computes the answers.
      if (op.kind === 'peek') continue;
      if (op.kind !== 'consume') return undefined;
      if (op.cost === 0) continue;
      if (op.cost === before) {
        (counts[counts.length - 1] as number)++;
      } else {
        costs.push(op.cost);
        counts.push(1);
        before = op.cost;
      }
    }
    let policy = limits.lastIndexOf(limit);
    if (policy < 0) policy = limits.push(limit) - 1;
    keys.push(hexOf(step.key));
    policies.push(policy + 1);
    ends.push(costs.length);
  }
  return { limits, keys, policies, ends, costs, counts };
}

/** Parameters of `limit_take_v1`, for a single step. */
export function encodeTake({ limits, keys, costs, counts }: Consumes): string[] {
  const limit = limits[0] as Limit;
  return [`\\x${keys[0]}`, limit.name, `{${encodeLimit(limit).join()}}`, `{${costs.join()}}`, `{${counts.join()}}`];
}

/** What `loneTakeSql` is asked and how its answer reads. */
export interface LoneTake {
  readonly values: unknown[];
  /** The record before the step, as `limit_take_v1` tells it, from a row of the answer. */
  part(row: readonly unknown[]): string;
}

/** A single step for `loneTakeSql`, when it is of its kind: equal consumes that could fit together, of a limit with a unit a microsecond. */
export function encodeLone({ limits, keys, costs, counts }: Consumes): LoneTake | undefined {
  const limit = limits[0] as Limit;
  const [cost = 0] = costs;
  const [count = 0] = counts;
  if (limit.kind !== 'tokenBucket' || limit.unitsPerUs !== 1 || costs.length !== 1 || cost * count > limit.limit)
    return undefined;
  const units = cost * count * limit.unitsPerToken;
  const room = limit.limit * limit.unitsPerToken - units;
  return {
    values: [`\\x${keys[0]}`, textArray([limit.name]), `{${encodeLimit(limit).join()}}`, units, room, cost, count],
    part: ([part, lastUs, level]) => (part as string | null) ?? `${lastUs},${lastUs},${Number(level) + units}`,
  };
}

/** Parameters of `limit_consume_v1`. */
export function encodeConsumes({ limits, keys, policies, ends, costs, counts }: Consumes): string[] {
  return [
    `{"\\\\x${keys.join('","\\\\x')}"}`,
    `{${policies.join()}}`,
    textArray(limits.map(({ name }) => name)),
    `{${limits.flatMap(encodeLimit).join()}}`,
    `{${ends.join()}}`,
    `{${costs.join()}}`,
    `{${counts.join()}}`,
  ];
}

/** The parameter of `limit_decide_v1`. Steps are in key order. */
export function encodeSteps(steps: readonly LimiterStep[]): string {
  const policies: (readonly Limit[])[] = [];
  const encoded = steps.map(({ key, limits, ops }) => {
    let policy = policies.lastIndexOf(limits);
    if (policy < 0) policy = policies.push(limits) - 1;
    return [hexOf(key), policy, encodeOps(ops)];
  });
  return JSON.stringify({
    p: policies.map((limits) => [limits.map(({ name }) => name), limits.flatMap(encodeLimit)]),
    s: encoded,
  });
}

/** Names need quotes for the one that is `null`, and no more. */
function textArray(names: readonly string[]): string {
  return `{"${names.join('","')}"}`;
}

function hexOf(key: string): string {
  return Buffer.from(key, 'utf8').toString('hex');
}

function encodeLimit(limit: Limit): number[] {
  const kind = kinds.indexOf(limit.kind);
  if (limit.kind === 'tokenBucket') return [kind, limit.limit, limit.unitsPerUs, limit.unitsPerToken];
  return [kind, limit.limit, limit.windowUs, limit.kind === 'fixedWindow' && limit.aligned ? 1 : 0];
}

/** Four numbers an operation: code, cost, charged at, times. Equal consumes in a row become one. */
function encodeOps(ops: readonly LimiterOp[]): number[] {
  const out: number[] = [];
  for (const op of ops) {
    const code = opCodes[op.kind];
    const cost = op.kind === 'block' ? op.forUs : op.kind === 'reset' ? 0 : op.cost;
    const n = out.length;
    if (code <= 1 && n > 0 && out[n - 4] === code && out[n - 3] === cost) (out[n - 1] as number)++;
    else out.push(code, cost, op.kind === 'refund' ? op.atUs : 0, 1);
  }
  return out;
}

/** One step's result from the record the server found and the clock it decided by: the answers are core's own. */
export function decodeResult(text: string, { limits, ops }: LimiterStep): LimiterResult {
  if (text.startsWith('v')) {
    const message = `The stored record has format version ${text.slice(1)}, this release reads ${recordVersion}; it was left untouched`;
    return { error: new RecordVersionError(message, { store: storeName }) };
  }
  const general = text.indexOf(';') >= 0;
  const fields = text.split(general ? ';' : ',');
  const nowUs = Number(fields[0]);
  if (!Number.isSafeInteger(nowUs)) {
    return { error: new StoreError(`The server answered a step with '${text}'`, { store: storeName, kind: 'other' }) };
  }
  const [limit] = limits;
  if (!general && limit?.kind === 'tokenBucket' && limits.length === 1 && ops.every(onlyConsumes)) {
    const record = fields.length === 1 ? undefined : { lastUs: Number(fields[1]), level: Number(fields[2]) };
    return answerConsumes(limit, record, ops, nowUs);
  }
  const record = general ? decodeRecord(fields as [string, string, string, string, string]) : undefined;
  return decideStep(record, limits, ops, nowUs).result;
}

function onlyConsumes({ kind }: LimiterOp): boolean {
  return kind === 'consume' || kind === 'peek';
}

function decodeRecord([, last, blocked, names, data]: readonly [
  string,
  string,
  string,
  string,
  string,
]): LimiterRecord {
  return {
    version: recordVersion,
    lastUs: Number(last),
    blockedUntilUs: Number(blocked),
    entries: decodeEntries(names === '' ? [] : names.split(','), data === '' ? [] : data.split(',').map(Number)),
  };
}

/** Entries from `names` and `data` as the table keeps them for any record but the common one. */
export function decodeEntries(names: readonly string[], data: readonly number[]): RecordEntry[] {
  let place = 0;
  return names.map((name) => {
    const [kind = 0, limit = 0, a = 0, b = 0, length = 0] = data.slice(place, place + 5);
    const state = data.slice(place + 5, place + 5 + length);
    place += 5 + length;
    return { limit: decodeLimit(name, kind, limit, a, b), state };
  });
}

function decodeLimit(name: string, code: number, limit: number, a: number, b: number): Limit {
  const kind = kinds[code] as Limit['kind'];
  if (kind === 'tokenBucket') {
    return {
      kind,
      name,
      limit,
      windowMs: Math.ceil(Math.ceil((limit * b) / a) / 1000),
      unitsPerUs: a,
      unitsPerToken: b,
    };
  }
  const window = { name, limit, windowMs: a / 1000, windowUs: a };
  return kind === 'fixedWindow' ? { kind, ...window, aligned: b === 1 } : { kind, ...window };
}
