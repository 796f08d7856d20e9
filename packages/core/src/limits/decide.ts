import { algorithmOf, entryFreshAtUs, openState, recordFreshAtUs, recordVersion } from './record.js';
import type { LimitState } from './algorithm.js';
import type { DenialReason, LimiterAnswer, LimiterDecided, LimiterOp, LimitReading } from './contract.js';
import type { Limit } from './limit.js';
import type { LimiterRecord, RecordEntry } from './record.js';

/** What {@link decideStep} came to. */
export interface StepOutcome {
  /** The record to store; `undefined` when the key now equals a fresh one (remove it). */
  readonly record: LimiterRecord | undefined;
  /** Whether there is anything to write at all; false for denials and peeks. */
  readonly changed: boolean;
  readonly result: LimiterDecided;
}

/** The working copy of one step: every limit's state at the step's instant. */
interface Work {
  readonly limits: readonly Limit[];
  readonly atUs: number;
  states: LimitState[];
  freshBy: number[];
  /** Entries of limits this step does not ask for; they stay until they are fresh. */
  kept: readonly RecordEntry[];
  blockedUntilUs: number;
  changed: boolean;
}

/**
 * The definition of a step: applies `ops` in order to `record` at the store clock's `nowUs` and answers each. Pure: it
 * reads no clock, and nothing is mutated.
 */
export function decideStep(
  record: LimiterRecord | undefined,
  limits: readonly Limit[],
  ops: readonly LimiterOp[],
  nowUs: number,
): StepOutcome {
  const live = record && isLive(record, nowUs) ? record : undefined;
  const atUs = live ? Math.max(nowUs, live.lastUs) : nowUs;
  const work = open(live, limits, atUs);
  const answers = ops.map((op) => apply(work, op));
  const result: LimiterDecided = { nowUs, atUs, answers };
  // Dropping a record that turned fresh by itself is clean-up, not a change a denial would have to write.
  if (!work.changed) return { record: live, changed: false, result };
  return { record: close(work), changed: true, result };
}

function isLive(record: LimiterRecord, nowUs: number): boolean {
  return recordFreshAtUs(record) > Math.max(nowUs, record.lastUs);
}

function open(record: LimiterRecord | undefined, limits: readonly Limit[], atUs: number): Work {
  const opened = limits.map((limit) => openState(record, limit, atUs));
  return {
    limits,
    atUs,
    states: opened.map(({ state }) => state),
    freshBy: opened.map(({ freshByUs }) => freshByUs),
    kept: record
      ? record.entries.filter(
          (entry) =>
            !limits.some(({ name }) => name === entry.limit.name) && entryFreshAtUs(entry, record.lastUs) > atUs,
        )
      : [],
    blockedUntilUs: record && record.blockedUntilUs > atUs ? record.blockedUntilUs : 0,
    changed: false,
  };
}

function close(work: Work): LimiterRecord | undefined {
  const entries: RecordEntry[] = [];
  work.limits.forEach((limit, i) => {
    const state = work.states[i] as LimitState;
    if (!algorithmOf(limit).isFresh(limit, state)) entries.push({ limit, state });
  });
  entries.push(...work.kept);
  if (entries.length === 0 && work.blockedUntilUs === 0) return undefined;
  return {
    version: recordVersion,
    lastUs: work.atUs,
    blockedUntilUs: work.blockedUntilUs,
    entries,
  };
}

function apply(work: Work, op: LimiterOp): LimiterAnswer {
  switch (op.kind) {
    case 'consume':
      return take(work, op.cost, op.cost);
    case 'consumeUpTo':
      return take(work, Math.min(op.cost, Math.max(1, leastRemaining(work))), op.cost);
    case 'peek':
      return denial(work, op.cost) ?? admitted(work, 0);
    case 'penalize':
      return charge(work, op.cost);
    case 'refund':
      return refund(work, op.cost, op.atUs);
    case 'block': {
      const untilUs = work.atUs + op.forUs;
      if (untilUs > work.blockedUntilUs && op.forUs > 0) {
        work.blockedUntilUs = untilUs;
        work.changed = true;
      }
      return admitted(work, 0);
    }
    case 'reset': {
      work.states = work.limits.map((limit) => algorithmOf(limit).fresh(limit, work.atUs));
      work.freshBy = work.limits.map(() => Infinity);
      work.kept = [];
      work.blockedUntilUs = 0;
      work.changed = true;
      return admitted(work, 0);
    }
  }
}

/** Takes `cost` from every limit or nothing; `asked` is what the caller wanted, for a denial's timing. */
function take(work: Work, cost: number, asked: number): LimiterAnswer {
  const refused = denial(work, cost);
  if (refused) return refused;
  return asked === 0 ? admitted(work, 0) : charge(work, cost);
}

function charge(work: Work, cost: number): LimiterAnswer {
  if (cost > 0) {
    work.states = work.limits.map((limit, i) =>
      algorithmOf(limit).charge(limit, work.states[i] as LimitState, cost, work.atUs),
    );
    commit(work);
  }
  return admitted(work, cost);
}

/** From the first write on, the states are stored under the asked parameters. */
function commit(work: Work): void {
  work.freshBy = work.limits.map(() => Infinity);
  work.changed = true;
}

function refund(work: Work, cost: number, chargedAtUs: number): LimiterAnswer {
  let granted = 0;
  const before = work.states;
  const after = work.limits.map((limit, i) =>
    algorithmOf(limit).refund(limit, before[i] as LimitState, cost, chargedAtUs, work.atUs),
  );
  work.limits.forEach((limit, i) => {
    const { used } = algorithmOf(limit);
    granted = Math.max(
      granted,
      used(limit, before[i] as LimitState, work.atUs) - used(limit, after[i] as LimitState, work.atUs),
    );
  });
  if (after.some((state, i) => !sameState(state, before[i] as LimitState))) {
    work.states = after;
    commit(work);
  }
  return admitted(work, granted);
}

function sameState(a: LimitState, b: LimitState): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function remainingOf(work: Work, i: number): number {
  const limit = work.limits[i] as Limit;
  return Math.max(0, limit.limit - algorithmOf(limit).used(limit, work.states[i] as LimitState, work.atUs));
}

function leastRemaining(work: Work): number {
  let least = Infinity;
  for (let i = 0; i < work.limits.length; i++) least = Math.min(least, remainingOf(work, i));
  return least;
}

/** The refusal of `cost`, or `undefined` when every limit admits it. */
function denial(work: Work, cost: number): LimiterAnswer | undefined {
  const oversize = work.limits.findIndex(({ limit }) => cost > limit);
  if (oversize >= 0) return answer(work, false, 0, 'capacity', oversize, Infinity);
  let retryAtUs = work.atUs;
  let violated = -1;
  work.limits.forEach((limit, i) => {
    const admitAtUs = Math.min(
      algorithmOf(limit).admitAtUs(limit, work.states[i] as LimitState, cost, work.atUs),
      work.freshBy[i] as number,
    );
    if (admitAtUs > retryAtUs) {
      retryAtUs = admitAtUs;
      violated = i;
    }
  });
  if (work.blockedUntilUs > work.atUs)
    return answer(work, false, 0, 'blocked', -1, Math.max(retryAtUs, work.blockedUntilUs));
  return violated < 0 ? undefined : answer(work, false, 0, 'quota', violated, retryAtUs);
}

function admitted(work: Work, granted: number): LimiterAnswer {
  return answer(work, true, granted, undefined, -1, 0);
}

function answer(
  work: Work,
  allowed: boolean,
  granted: number,
  reason: DenialReason | undefined,
  violated: number,
  retryAtUs: number,
): LimiterAnswer {
  const readings: LimitReading[] = work.limits.map((limit, i) => ({
    remaining: work.blockedUntilUs > work.atUs ? 0 : remainingOf(work, i),
    resetAtUs: Math.min(
      algorithmOf(limit).freshAtUs(limit, work.states[i] as LimitState, work.atUs),
      work.freshBy[i] as number,
    ),
  }));
  let resetAtUs = Math.max(work.atUs, work.blockedUntilUs);
  let remaining = Infinity;
  for (const reading of readings) {
    resetAtUs = Math.max(resetAtUs, reading.resetAtUs);
    remaining = Math.min(remaining, reading.remaining);
  }
  for (const entry of work.kept) resetAtUs = Math.max(resetAtUs, entryFreshAtUs(entry, work.atUs));
  const fields = {
    allowed,
    granted,
    violated,
    retryAtUs,
    remaining,
    resetAtUs,
    readings,
  };
  return reason === undefined ? fields : { ...fields, reason };
}
