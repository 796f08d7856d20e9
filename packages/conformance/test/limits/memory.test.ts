import { memoryLimiterStore } from '@headgate/memory';
import { describe, it } from 'vitest';
import { limiterConformance, manualClock } from '../../src/index.js';

describe('the memory store on a movable clock', () => {
  limiterConformance({
    describe,
    it,
    createStore: () => {
      const clock = manualClock();
      const store = memoryLimiterStore({ clock });
      return { store, clock, size: () => store.size };
    },
  });
});

describe('the memory store on the system clock', () => {
  limiterConformance({ describe, it, createStore: () => ({ store: memoryLimiterStore() }) });
});
