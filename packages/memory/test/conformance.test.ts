import { limiterConformance, lockConformance, manualClock } from '@headgate/conformance';
import { createManualClock } from '@headgate/core';
import { memoryLimiterStore, memoryLockStore } from '@headgate/memory';
import { describe, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

const { version } = manifest;

describe('on a clock that tests move', () => {
  limiterConformance({
    describe,
    it,
    version,
    createStore: () => {
      const clock = manualClock();
      const store = memoryLimiterStore({ clock });
      return { store, clock, size: () => store.size };
    },
  });
});

describe("by the system's clock", () => {
  limiterConformance({
    describe,
    it,
    version,
    createStore: () => {
      const store = memoryLimiterStore();
      return { store, size: () => store.size };
    },
  });

  lockConformance({
    describe,
    it,
    version,
    createStore: ({ time }) => {
      if (time === 'real') return { store: memoryLockStore() };
      const clock = createManualClock();
      return { store: memoryLockStore({ clock }), clock };
    },
  });
});
