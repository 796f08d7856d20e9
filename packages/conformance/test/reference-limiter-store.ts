import { decideStep, recordFreshAtUs, systemClock } from '@headgate/core';
import type { Clock, LimiterRecord, LimiterStore } from '@headgate/core';
import type { LimiterFixture } from '../src/limits/fixture.js';

/** What {@link referenceLimiterStore} keeps; several stores may share it, as processes share a server. */
export type Records = Map<string, LimiterRecord>;

/** The shortest store that keeps the contract: `decideStep` over a map. Broken stores are made from it. */
export function referenceLimiterStore(options: { clock?: Clock; records?: Records } = {}): LimiterStore & {
  readonly records: Records;
} {
  const { clock = systemClock, records = new Map<string, LimiterRecord>() } = options;
  const decideNow: LimiterStore['decideNow'] = (key, limits, op) => {
    const { result } = step(key, limits, [op]);
    const [answer] = result.answers;
    if (!answer) throw new Error('No answer');
    return { ...answer, nowUs: result.nowUs, atUs: result.atUs };
  };
  const step = (key: string, limits: Parameters<typeof decideStep>[1], ops: Parameters<typeof decideStep>[2]) => {
    const outcome = decideStep(records.get(key), limits, ops, clock.nowUs());
    if (outcome.changed && outcome.record) records.set(key, outcome.record);
    else if (outcome.changed) records.delete(key);
    return outcome;
  };
  return {
    name: 'reference',
    clock: 'client',
    capabilities: { maxSlidingLogLimit: 1000, maxBatchSteps: 1000, maxStepOps: 1000, removalLagMs: Infinity },
    records,
    decide: async (steps) => steps.map(({ key, limits, ops }) => step(key, limits, ops).result),
    decideNow,
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
        expiresAtMs: recordFreshAtUs(record) / 1000,
      })),
    ...more,
  };
}
