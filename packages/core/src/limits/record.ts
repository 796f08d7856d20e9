import { fixedWindowAlgorithm } from './fixed-window.js';
import { ceilMulDiv } from './exact.js';
import { slidingLogAlgorithm } from './sliding-log.js';
import { slidingWindowAlgorithm } from './sliding-window.js';
import { tokenBucketAlgorithm } from './token-bucket.js';
import type { Algorithm, LimitState } from './algorithm.js';
import type { Limit, LimitKind } from './limit.js';

/** The record format this release writes. A record of another version is refused with `RecordVersionError`, never reset. */
export const recordVersion = 1;

/** One limit's state in a record, with the parameters it was charged under. */
export interface RecordEntry {
  readonly limit: Limit;
  readonly state: LimitState;
}

/** Everything remembered about a key. A store may lay it out as it likes; absent means fresh. */
export interface LimiterRecord {
  readonly version: typeof recordVersion;
  /** Time of the last write, epoch microseconds; earlier clocks are clamped to it. */
  readonly lastUs: number;
  /** Instant until which everything is refused; 0 when there is no block. */
  readonly blockedUntilUs: number;
  /** States by limit name; a limit that is fresh may be left out. */
  readonly entries: readonly RecordEntry[];
}

const algorithms: { readonly [kind in LimitKind]: Algorithm<never> } = {
  tokenBucket: tokenBucketAlgorithm,
  fixedWindow: fixedWindowAlgorithm,
  slidingWindow: slidingWindowAlgorithm,
  slidingLog: slidingLogAlgorithm,
};

/** The algorithm of a limit. */
export function algorithmOf(limit: Limit): Algorithm<Limit> {
  return algorithms[limit.kind] as unknown as Algorithm<Limit>;
}

/** Whether a state charged under `from` means the same under `to`: same algorithm and same time parameters (the limit itself may differ). */
function sameTime(from: Limit, to: Limit): boolean {
  switch (from.kind) {
    case 'tokenBucket':
      return to.kind === 'tokenBucket';
    case 'fixedWindow':
      return to.kind === 'fixedWindow' && from.windowUs === to.windowUs && from.aligned === to.aligned;
    default:
      return to.kind === from.kind && from.windowUs === to.windowUs;
  }
}

/**
 * Carries a state over to changed parameters as of `atUs`, the time of the record's last write, so that what was spent stays
 * spent and the new parameters count from then on. `state` is advanced to `atUs` under `from`.
 * 1. Token bucket to token bucket: what is missing from full stays missing (rounded up to the new unit), at most to the deepest debt.
 * 2. A window of the same algorithm, length and alignment: the state stays as it is.
 * 3. Anything else: what is used at `atUs`, in whole units rounded up, is charged at `atUs`, at most to the deepest debt.
 */
export function convertState(from: Limit, to: Limit, state: LimitState, atUs: number): LimitState {
  if (!sameTime(from, to)) {
    const target = algorithmOf(to);
    const used = algorithmOf(from).used(from, state, atUs);
    const fresh = target.fresh(to, atUs);
    return used === 0 ? fresh : target.charge(to, fresh, used, atUs);
  }
  if (from.kind !== 'tokenBucket' || to.kind !== 'tokenBucket') return state;
  const full = to.limit * to.unitsPerToken;
  const missing = from.limit * from.unitsPerToken - (state[0] as number);
  return [full - convertUnits(missing, from.unitsPerToken, to.unitsPerToken, 2 * full), atUs];
}

/** `min(ceil(units * to / from), most)` without overflow. */
function convertUnits(units: number, from: number, to: number, most: number): number {
  if (from === to) return Math.min(units, most);
  const tokens = Math.floor(units / from);
  if (tokens > Math.floor(most / to)) return most;
  return Math.min(most, tokens * to + ceilMulDiv(to, units - tokens * from, from));
}

/** A limit's state in a record, ready to be asked and charged. */
export interface OpenState {
  /** Advanced to the asked time, under the asked limit's parameters. */
  readonly state: LimitState;
  /**
   * Instant from which the stored entry counts as fresh under the parameters it was charged with, which ends a converted state's
   * story early; `Infinity` when the parameters are unchanged.
   */
  readonly freshByUs: number;
}

/** Whether two limits have the same algorithm and the same parameters (names aside). */
export function sameParameters(a: Limit, b: Limit): boolean {
  if (a.limit !== b.limit || !sameTime(a, b)) return false;
  return (
    a.kind !== 'tokenBucket' ||
    b.kind !== 'tokenBucket' ||
    (a.unitsPerUs === b.unitsPerUs && a.unitsPerToken === b.unitsPerToken)
  );
}

/**
 * The state of `limit` in `record` at `nowUs` (not before `record.lastUs`): fresh when the record has no entry of its name or
 * when that entry equals a fresh one under its own parameters; converted when the parameters changed.
 */
export function openState(record: LimiterRecord | undefined, limit: Limit, nowUs: number): OpenState {
  const algorithm = algorithmOf(limit);
  const entry = record?.entries.find((candidate) => candidate.limit.name === limit.name);
  if (!record || !entry) return { state: algorithm.fresh(limit, nowUs), freshByUs: Infinity };
  if (sameParameters(entry.limit, limit))
    return {
      state: algorithm.advance(limit, entry.state, nowUs),
      freshByUs: Infinity,
    };
  const freshByUs = entryFreshAtUs(entry, record.lastUs);
  if (freshByUs <= nowUs) return { state: algorithm.fresh(limit, nowUs), freshByUs: Infinity };
  const past = algorithmOf(entry.limit).advance(entry.limit, entry.state, record.lastUs);
  return {
    state: algorithm.advance(limit, convertState(entry.limit, limit, past, record.lastUs), nowUs),
    freshByUs,
  };
}

/** Instant from which an entry equals a fresh one under its own parameters; `lastUs` when it did already at the record's last write. */
export function entryFreshAtUs({ limit, state }: RecordEntry, lastUs: number): number {
  const algorithm = algorithmOf(limit);
  return algorithm.freshAtUs(limit, algorithm.advance(limit, state, lastUs), lastUs);
}

/** Instant from which `record` equals a fresh one; its own time when it does already. Stores expire the record then, never sooner. */
export function recordFreshAtUs(record: LimiterRecord): number {
  let freshAt = Math.max(record.lastUs, record.blockedUntilUs);
  for (const entry of record.entries) freshAt = Math.max(freshAt, entryFreshAtUs(entry, record.lastUs));
  return freshAt;
}
