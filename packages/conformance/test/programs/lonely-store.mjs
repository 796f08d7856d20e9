// A store that no other process shares: three of these must not pass for one.
import { decideStep } from '@headgate/core';
import { serveLimiterStore } from '@headgate/conformance';

const records = new Map();
serveLimiterStore({
  name: 'lonely',
  clock: 'client',
  capabilities: { maxSlidingLogLimit: 1000, maxBatchSteps: 1000, maxStepOps: 1000, removalLagMs: Infinity },
  decide: async (steps) =>
    steps.map(({ key, limits, ops }) => {
      const { record, result } = decideStep(records.get(key), limits, ops, Date.now() * 1000);
      records.set(key, record);
      return result;
    }),
  close: async () => {},
});
