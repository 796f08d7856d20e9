import { describe, it } from 'vitest';
import { limiterConformance, manualClock } from '../../src/index.js';
import { fixtureOf, referenceLimiterStore } from '../reference-limiter-store.js';

describe('on a movable clock', () => {
  limiterConformance({
    describe,
    it,
    createStore: () => {
      const clock = manualClock();
      const store = referenceLimiterStore({ clock });
      const { records } = store;
      return fixtureOf(store, records, { clock, openPeer: () => referenceLimiterStore({ clock, records }) });
    },
  });
});

describe('on the system clock', () => {
  limiterConformance({
    describe,
    it,
    createStore: () => {
      const store = referenceLimiterStore();
      const { records } = store;
      return fixtureOf(store, records, { openPeer: () => referenceLimiterStore({ records }) });
    },
  });
});
