import { RecordVersionError } from '../errors.js';
import { recordVersion } from './record.js';
import type { LimitState } from './algorithm.js';
import type { Limit, LimitKind } from './limit.js';
import type { LimiterRecord, RecordEntry } from './record.js';

const kinds: readonly LimitKind[] = ['tokenBucket', 'fixedWindow', 'slidingWindow', 'slidingLog'];

type EncodedEntry = readonly [name: string, kind: number, parameters: readonly number[], state: LimitState];

/**
 * A record as one line of JSON, for stores that keep records as opaque text:
 * `[version, lastUs, blockedUntilUs, [[name, kind, parameters, state], …]]`, with `kind` 0 token bucket `[limit, unitsPerUs, unitsPerToken]`,
 * 1 fixed window `[limit, windowMs, aligned]`, 2 sliding window and 3 sliding log `[limit, windowMs]`. Reads back with {@link decodeRecord}.
 */
export function encodeRecord(record: LimiterRecord): string {
  const entries = record.entries.map(
    ({ limit, state }): EncodedEntry => [limit.name, kinds.indexOf(limit.kind), parametersOf(limit), state],
  );
  return JSON.stringify([record.version, record.lastUs, record.blockedUntilUs, entries]);
}

function parametersOf(limit: Limit): readonly number[] {
  if (limit.kind === 'tokenBucket') return [limit.limit, limit.unitsPerUs, limit.unitsPerToken];
  if (limit.kind === 'fixedWindow') return [limit.limit, limit.windowMs, limit.aligned ? 1 : 0];
  return [limit.limit, limit.windowMs];
}

/**
 * Reads what {@link encodeRecord} wrote. Throws {@link RecordVersionError}, naming `store`, for a record of another version and for text that is no
 * record: an adapter hands that error on and leaves the value untouched, since a reset would admit what was refused.
 */
export function decodeRecord(text: string, store: string): LimiterRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RecordVersionError('The stored value is no limiter record; it was left untouched', { store, cause });
  }
  const version: unknown = Array.isArray(value) ? value[0] : undefined;
  if (Number.isSafeInteger(version) && version !== recordVersion) {
    throw new RecordVersionError(
      `The stored record has format version ${String(version)}, this release reads ${recordVersion}; it was left untouched`,
      { store },
    );
  }
  const record = version === recordVersion ? readRecord(value as unknown[]) : undefined;
  if (!record) throw new RecordVersionError('The stored value is no limiter record; it was left untouched', { store });
  return record;
}

function readRecord([, lastUs, blockedUntilUs, encoded]: readonly unknown[]): LimiterRecord | undefined {
  if (!isCount(lastUs) || !isCount(blockedUntilUs) || !Array.isArray(encoded)) return undefined;
  const entries: RecordEntry[] = [];
  for (const item of encoded as unknown[]) {
    const entry = Array.isArray(item) ? readEntry(item) : undefined;
    if (!entry) return undefined;
    entries.push(entry);
  }
  return { version: recordVersion, lastUs, blockedUntilUs, entries };
}

function readEntry([name, kind, parameters, state]: readonly unknown[]): RecordEntry | undefined {
  if (typeof name !== 'string' || !Array.isArray(parameters) || !parameters.every(isCount)) return undefined;
  if (!Array.isArray(state) || !state.every(Number.isSafeInteger)) return undefined;
  const limit = readLimit(name, kinds[kind as number], parameters as readonly number[]);
  if (!limit || !hasLength(limit.kind, state.length)) return undefined;
  return { limit, state: state as LimitState };
}

function readLimit(
  name: string,
  kind: LimitKind | undefined,
  [limit = 0, a = 0, b = 0]: readonly number[],
): Limit | undefined {
  if (limit < 1 || a < 1) return undefined;
  switch (kind) {
    case 'tokenBucket': {
      const windowMs = Math.ceil(Math.ceil((limit * b) / a) / 1000);
      return b < 1 ? undefined : { kind, name, limit, windowMs, unitsPerUs: a, unitsPerToken: b };
    }
    case 'fixedWindow':
      return { kind, name, limit, windowMs: a, windowUs: a * 1000, aligned: b === 1 };
    case 'slidingWindow':
    case 'slidingLog':
      return { kind, name, limit, windowMs: a, windowUs: a * 1000 };
    case undefined:
      return undefined;
  }
}

function hasLength(kind: LimitKind, length: number): boolean {
  if (kind === 'slidingLog') return length % 2 === 0;
  return length === (kind === 'slidingWindow' ? 3 : 2);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
