import { decideStep, recordFreshAtUs, recordVersion, RecordVersionError, systemClock } from '@headgate/core';
import type {
  Clock,
  LimiterDecided,
  LimiterOp,
  LimiterRecord,
  LimiterResult,
  LimiterStore,
  Limit,
} from '@headgate/core';
import type { LimiterFixture } from '../src/limits/fixture.js';

/** What {@link referenceLimiterStore} keeps; several stores may share it, as processes share a server. */
export type Records = Map<string, LimiterRecord>;

/** The shape of `decideStep`, for stores that decide otherwise. */
export type Decide = typeof decideStep;

/** Parts of the store that a broken one replaces. */
export interface ReferenceOptions {
  readonly clock?: Clock;
  readonly records?: Records;
  readonly decide?: Decide;
  /** Name of a key's record. */
  readonly recordKey?: (key: string) => string;
}

/** The shortest store that keeps the contract: `decideStep` over a map. Broken stores are made from it. */
export function referenceLimiterStore(options: ReferenceOptions = {}): LimiterStore & {
  readonly records: Records;
} {
  const { clock = systemClock, records = new Map<string, LimiterRecord>() } = options;
  const { decide = decideStep, recordKey = (key: string) => key } = options;
  const step = (key: string, limits: readonly Limit[], ops: readonly LimiterOp[]): LimiterDecided => {
    const id = recordKey(key);
    const known = records.get(id);
    if (known && known.version !== recordVersion)
      throw new RecordVersionError(`A record of version ${String(known.version)}`, { store: 'reference' });
    const { changed, record, result } = decide(known, limits, ops, clock.nowUs());
    if (changed && record) records.set(id, record);
    else if (changed) records.delete(id);
    return result;
  };
  return {
    name: 'reference',
    clock: 'store',
    capabilities: { maxSlidingLogLimit: 1000, maxBatchSteps: 1000, maxStepOps: 1000, removalLagMs: Infinity },
    records,
    lane: () => 'only',
    decide: async (steps) =>
      steps.map(({ key, limits, ops }): LimiterResult => {
        try {
          return step(key, limits, ops);
        } catch (error) {
          if (error instanceof RecordVersionError) return { error };
          throw error;
        }
      }),
    decideNow: (key, limits, op) => {
      const { answers, nowUs, atUs } = step(key, limits, [op]);
      const [answer] = answers;
      if (!answer) throw new Error('No answer');
      return { ...answer, nowUs, atUs };
    },
    close: async () => {},
  };
}

/** A fixture around a store of {@link referenceLimiterStore}'s making, with every hook that a store in a map can have. */
export function fixtureOf(store: LimiterStore, records: Records, more: Partial<LimiterFixture> = {}): LimiterFixture {
  return {
    store,
    records: async () =>
      [...records].map(([id, record]) => ({
        id,
        content: JSON.stringify(record),
        expiresAtMs: (record.version as number) === 99 ? Infinity : recordFreshAtUs(record) / 1000,
      })),
    writeForeignRecord: async (key) => {
      const foreign = { version: 99, lastUs: 0, blockedUntilUs: 0, entries: [] };
      records.set(key, foreign as unknown as LimiterRecord);
    },
    setup: async () => {},
    ...more,
  };
}
