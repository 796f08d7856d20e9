import { describe, it } from 'node:test';
import { limiterConformance } from '@headgate/conformance';
import { memoryLimiterStore } from '@headgate/memory';

limiterConformance({
  describe,
  it,
  only: ['cost/burst'],
  createStore: () => {
    const store = memoryLimiterStore();
    /** @param {import('@headgate/core').Limit} limit */
    const generous = (limit) => ({ ...limit, limit: limit.limit + 1 });
    return {
      store: {
        name: 'generous',
        clock: store.clock,
        capabilities: store.capabilities,
        decide: (steps) => store.decide(steps.map((step) => ({ ...step, limits: step.limits.map(generous) }))),
        close: () => store.close(),
      },
    };
  },
});
