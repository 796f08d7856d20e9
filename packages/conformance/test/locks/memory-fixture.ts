import { createManualClock, type LockStore } from '@headgate/core';
import { memoryLockStore } from '@headgate/memory';
import type { LockFixture, LockStoreRequest } from '../../src/locks/fixture.js';

/** A memory lock store, in moved time where that is asked for; `wrap` may break it on purpose. */
export function memoryFixture(
  { time }: LockStoreRequest,
  wrap: (store: LockStore) => LockStore = (store) => store,
): LockFixture {
  if (time === 'real') return { store: wrap(memoryLockStore()) };
  const clock = createManualClock();
  return { store: wrap(memoryLockStore({ clock })), clock };
}
