import type { Property } from '../../suite/property.js';
import type { LockTest } from '../lock-test.js';

/** A claim of the lock suite. */
export type LockProperty = Property<LockTest>;

/** Makes a claim run in moved time wherever the store can live by a manual clock; elsewhere it may have to wait for long ttls and slacks. */
export function inMovedTime(property: LockProperty): LockProperty {
  return { timeoutMs: 60_000, ...property, run: async (test) => property.run(await test.moved()) };
}

/** Skips a claim on stores without shared leases. */
export function needsShared({ store }: LockTest): string | undefined {
  return store.capabilities.shared ? undefined : 'the store has no shared leases';
}

/** Skips a claim on stores without permits. */
export function needsPermits({ store }: LockTest): string | undefined {
  return store.capabilities.permits ? undefined : 'the store has no permits';
}

/** Skips a claim on stores that keep no fair queue. */
export function needsFairQueue({ store }: LockTest): string | undefined {
  return store.capabilities.fairQueue ? undefined : 'the store keeps no fair queue';
}

/** Skips all of the claims on stores that cannot be held to them, on top of what each says itself. */
export function allUnless(
  unable: (test: LockTest) => string | undefined,
  properties: readonly LockProperty[],
): readonly LockProperty[] {
  return properties.map((property) => ({ ...property, unless: (test) => unable(test) ?? property.unless?.(test) }));
}
