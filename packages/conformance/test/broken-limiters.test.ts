import { describe, expect, it } from 'vitest';
import { checkLimiterStore } from '../src/index.js';
import { limiterProperties } from '../src/limits/properties/index.js';
import { agreeingFaults } from './broken/agreeing.js';
import { chargingFaults } from './broken/charging.js';
import { keyFaults } from './broken/keys.js';
import { policyFaults } from './broken/policies.js';
import { servingFaults } from './broken/serving.js';
import { storingFaults } from './broken/storing.js';
import { timingFaults } from './broken/timing.js';

const brokenStores = [
  ...chargingFaults,
  ...policyFaults,
  ...keyFaults,
  ...timingFaults,
  ...storingFaults,
  ...agreeingFaults,
  ...servingFaults,
];

/** What core answers for, or a server that hangs or forgets: no few lines of a store break these alone. */
const ofCoreOrTheServer = [
  'limiter/bad-input-reaches-no-store',
  'faults/paused-server',
  'faults/blackhole',
  'faults/wiped-store',
];

describe('a limiter store in which', () => {
  it.each(brokenStores.map((store) => [store.fault, store.caughtBy, store] as const))(
    '%s fails %s',
    async (_fault, caughtBy, { make, faults }) => {
      const { results } = await checkLimiterStore({ createStore: make, faults, only: [caughtBy], seed: 1 });
      expect(results.map(({ id, verdict }) => [id, verdict])).toEqual([[caughtBy, 'fail']]);
      // A fault of the store's making, not of ours: a broken store that crashes proves nothing.
      expect(results[0]?.reason).not.toMatch(/is not a function|Cannot read properties|did not serve/);
    },
    40_000,
  );

  it('exists for every property of the store itself', () => {
    const untested = limiterProperties
      .map(({ id }) => id)
      .filter((id) => !brokenStores.some(({ caughtBy }) => caughtBy === id));
    expect(untested).toEqual(ofCoreOrTheServer);
  });
});
