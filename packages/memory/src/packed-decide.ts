import { ceilMulDiv, floorMulDiv } from '@headgate/core';
import { columnsPerSlot, lastColumn } from './record-table.js';
import type {
  FixedWindowLimit,
  Limit,
  LimiterAnswerNow,
  SlidingLogLimit,
  SlidingWindowLimit,
  TokenBucketLimit,
} from '@headgate/core';
import type { RecordTable } from './record-table.js';
import type { Space } from './spaces.js';

/*
 * `decideStep` for the common case, without an array or a record in sight: one limit, one `consume` or `peek`, and a packed record of
 * that very limit or none. Each function mirrors its algorithm in core (named above it); a differential test holds them to it.
 */

/** Where a charge to a key without a record goes: returns a slot, or throws `StoreFullError` and changes nothing. */
export type AddSlot = (space: Space, key: string, limit: Limit, nowUs: number, freshAtUs: number) => number;

/** One decision: `slot` is the key's, or -1 when it has no record; `take` tells `consume` from `peek`. */
export function packedDecide(
  table: RecordTable,
  addSlot: AddSlot,
  space: Space,
  key: string,
  slot: number,
  limit: Exclude<Limit, SlidingLogLimit>,
  cost: number,
  take: boolean,
  nowUs: number,
): LimiterAnswerNow {
  switch (limit.kind) {
    case 'tokenBucket':
      return decideTokenBucket(table, addSlot, space, key, slot, limit, cost, take, nowUs);
    case 'fixedWindow':
      return decideFixedWindow(table, addSlot, space, key, slot, limit, cost, take, nowUs);
    default:
      return decideSlidingWindow(table, addSlot, space, key, slot, limit, cost, take, nowUs);
  }
}

/** Core's `tokenBucketAlgorithm`; columns `level`, `atUs`. */
function decideTokenBucket(
  table: RecordTable,
  addSlot: AddSlot,
  space: Space,
  key: string,
  slot: number,
  limit: TokenBucketLimit,
  cost: number,
  take: boolean,
  nowUs: number,
): LimiterAnswerNow {
  const { unitsPerToken, unitsPerUs } = limit;
  const full = limit.limit * unitsPerToken;
  let level = full;
  let atUs = nowUs;
  if (slot >= 0) {
    const base = slot * columnsPerSlot;
    const lastUs = table.columns[base + lastColumn] as number;
    if (lastUs > nowUs) atUs = lastUs;
    const stored = table.columns[base] as number;
    // Rounding cannot deceive the comparison: a product beyond 2^53 rounds to at least 2^53, above any missing amount.
    const gained = (atUs - lastUs) * unitsPerUs;
    if (gained < full - stored) level = stored + gained;
  }
  if (cost > limit.limit) {
    return neverFits(wholeTokens(level, unitsPerToken), atUs + Math.ceil((full - level) / unitsPerUs), nowUs, atUs);
  }
  const left = level - cost * unitsPerToken;
  if (left < 0) {
    const resetAtUs = atUs + Math.ceil((full - level) / unitsPerUs);
    return refused(atUs + Math.ceil(-left / unitsPerUs), wholeTokens(level, unitsPerToken), resetAtUs, nowUs, atUs);
  }
  if (!take || cost === 0) {
    return admitted(0, Math.floor(level / unitsPerToken), atUs + Math.ceil((full - level) / unitsPerUs), nowUs, atUs);
  }
  const resetAtUs = atUs + Math.ceil((full - left) / unitsPerUs);
  const base = (slot >= 0 ? slot : addSlot(space, key, limit, nowUs, resetAtUs)) * columnsPerSlot;
  const { columns } = table;
  columns[base] = left;
  columns[base + 1] = atUs;
  columns[base + lastColumn] = atUs;
  return admitted(cost, Math.floor(left / unitsPerToken), resetAtUs, nowUs, atUs);
}

function wholeTokens(level: number, unitsPerToken: number): number {
  return level > 0 ? Math.floor(level / unitsPerToken) : 0;
}

/** Core's `fixedWindowAlgorithm`; columns `count`, `startUs`. */
function decideFixedWindow(
  table: RecordTable,
  addSlot: AddSlot,
  space: Space,
  key: string,
  slot: number,
  limit: FixedWindowLimit,
  cost: number,
  take: boolean,
  nowUs: number,
): LimiterAnswerNow {
  const { windowUs } = limit;
  let count = 0;
  let startUs = 0;
  let atUs = nowUs;
  if (slot >= 0) {
    const base = slot * columnsPerSlot;
    const lastUs = table.columns[base + lastColumn] as number;
    if (lastUs > nowUs) atUs = lastUs;
    startUs = table.columns[base + 1] as number;
    if (atUs < startUs + windowUs) count = table.columns[base] as number;
  }
  if (count === 0) startUs = limit.aligned ? atUs - (atUs % windowUs) : atUs;
  const left = limit.limit - count;
  const resetAtUs = count === 0 ? atUs : startUs + windowUs;
  if (cost > limit.limit) return neverFits(left > 0 ? left : 0, resetAtUs, nowUs, atUs);
  if (cost > left) return refused(resetAtUs, left > 0 ? left : 0, resetAtUs, nowUs, atUs);
  if (!take || cost === 0) return admitted(0, left, resetAtUs, nowUs, atUs);
  const endUs = startUs + windowUs;
  const base = (slot >= 0 ? slot : addSlot(space, key, limit, nowUs, endUs)) * columnsPerSlot;
  const { columns } = table;
  columns[base] = count + cost;
  columns[base + 1] = startUs;
  columns[base + lastColumn] = atUs;
  return admitted(cost, left - cost, endUs, nowUs, atUs);
}

/** Core's `slidingWindowAlgorithm`; columns `previous`, `current`, `startUs`. */
function decideSlidingWindow(
  table: RecordTable,
  addSlot: AddSlot,
  space: Space,
  key: string,
  slot: number,
  limit: SlidingWindowLimit,
  cost: number,
  take: boolean,
  nowUs: number,
): LimiterAnswerNow {
  const { windowUs } = limit;
  let previous = 0;
  let current = 0;
  let atUs = nowUs;
  let startUs = 0;
  if (slot >= 0) {
    const base = slot * columnsPerSlot;
    const lastUs = table.columns[base + lastColumn] as number;
    if (lastUs > nowUs) atUs = lastUs;
    startUs = table.columns[base + 2] as number;
    if (atUs < startUs + windowUs) {
      previous = table.columns[base] as number;
      current = table.columns[base + 1] as number;
    } else if (atUs < startUs + 2 * windowUs) {
      previous = table.columns[base + 1] as number;
    }
  }
  if (slot < 0 || atUs >= startUs + windowUs) startUs = atUs - (atUs % windowUs);
  const weight = previous === 0 ? 0 : ceilMulDiv(previous, windowUs - (atUs - startUs), windowUs);
  const left = limit.limit - weight - current;
  const resetAtUs = slidingFreshAtUs(previous, current, startUs, windowUs, atUs);
  if (cost > limit.limit) return neverFits(left > 0 ? left : 0, resetAtUs, nowUs, atUs);
  if (cost > left) {
    const room = limit.limit - current - cost;
    const retryAtUs =
      room >= 0
        ? startUs + offsetForRoom(windowUs, previous, room)
        : startUs + windowUs + offsetForRoom(windowUs, current, limit.limit - cost);
    return refused(retryAtUs, left > 0 ? left : 0, resetAtUs, nowUs, atUs);
  }
  if (!take || cost === 0) return admitted(0, left, resetAtUs, nowUs, atUs);
  const freshAtUs = startUs + 2 * windowUs;
  const base = (slot >= 0 ? slot : addSlot(space, key, limit, nowUs, freshAtUs)) * columnsPerSlot;
  const { columns } = table;
  columns[base] = previous;
  columns[base + 1] = current + cost;
  columns[base + 2] = startUs;
  columns[base + lastColumn] = atUs;
  return admitted(cost, left - cost, freshAtUs, nowUs, atUs);
}

function slidingFreshAtUs(previous: number, current: number, startUs: number, windowUs: number, atUs: number): number {
  if (current > 0) return startUs + 2 * windowUs;
  return previous > 0 ? startUs + windowUs : atUs;
}

/** Earliest offset into a window at which a count of the window before weighs at most `room`. */
function offsetForRoom(windowUs: number, previous: number, room: number): number {
  return previous <= room ? 0 : windowUs - floorMulDiv(windowUs, room, previous);
}

function admitted(
  granted: number,
  remaining: number,
  resetAtUs: number,
  nowUs: number,
  atUs: number,
): LimiterAnswerNow {
  return { allowed: true, granted, violated: -1, retryAtUs: 0, remaining, resetAtUs, nowUs, atUs };
}

function refused(
  retryAtUs: number,
  remaining: number,
  resetAtUs: number,
  nowUs: number,
  atUs: number,
): LimiterAnswerNow {
  return { allowed: false, granted: 0, reason: 'quota', violated: 0, retryAtUs, remaining, resetAtUs, nowUs, atUs };
}

function neverFits(remaining: number, resetAtUs: number, nowUs: number, atUs: number): LimiterAnswerNow {
  const retryAtUs = Infinity;
  return { allowed: false, granted: 0, reason: 'capacity', violated: 0, retryAtUs, remaining, resetAtUs, nowUs, atUs };
}
