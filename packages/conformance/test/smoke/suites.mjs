// Both suites on the memory store, by whatever runner's `describe` and `it` come in; a few properties of each kind are enough here.
import { limiterConformance, lockConformance, manualClock } from '@headgate/conformance';
import { memoryLimiterStore, memoryLockStore } from '@headgate/memory';

/** @param {import('@headgate/conformance').TestApi} api */
export function register(api) {
  limiterConformance({
    ...api,
    seed: 1,
    // One that passes, one that the store cannot be held to, one whose fault hook is missing.
    only: ['cost/burst', 'record/shared', 'faults/killed-server'],
    createStore: () => {
      const clock = manualClock();
      return { store: memoryLimiterStore({ clock }), clock };
    },
  });
  lockConformance({
    ...api,
    seed: 1,
    only: ['core/second-attempt-names-the-holder', 'faults/restart-keeps-or-tells'],
    createStore: () => ({ store: memoryLockStore() }),
  });
}
