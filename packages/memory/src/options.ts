import { integerIn, oneOf, optionsObject } from '@headgate/core';
import type { Clock, Hooks, OptionNames } from '@headgate/core';

/** Largest `maxKeys`: what one `Map` of V8 holds, with room to spare. */
const mostKeys = 2 ** 23;

/** What a full limiter store does with a charge to a key it does not know. */
export type WhenFull = 'refuse' | 'evict-oldest';

/** Options of {@link memoryLimiterStore}. */
export interface MemoryLimiterStoreOptions {
  /** Most keys with a record, 1 to 2^23; default 1,000,000 (about 100 MB beyond the keys themselves when full). */
  readonly maxKeys?: number | undefined;
  /**
   * What to do with a charge to a new key when `maxKeys` records are live: `'refuse'` (default) throws `StoreFullError` and forgets nobody;
   * `'evict-oldest'` forgets the limiter's oldest key that is not blocked, which hands it a fresh record, and counts it in `onStoreKeys`.
   */
  readonly whenFull?: WhenFull | undefined;
  /** Milliseconds between two clean-ups of records that turned fresh; default 30,000. One timer for the store, only while it holds records. */
  readonly sweepIntervalMs?: number | undefined;
  /** Only `onStoreKeys` and `onHookError` are used. */
  readonly hooks?: Hooks | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** Options of {@link memoryLockStore}. */
export interface MemoryLockStoreOptions {
  /** Most keys held or waited for at a time, 1 to 2^23; default 1,000,000. A further key is refused with `StoreFullError`. */
  readonly maxKeys?: number | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
}

const limiterOptions: OptionNames<MemoryLimiterStoreOptions> = {
  maxKeys: 0,
  whenFull: 0,
  sweepIntervalMs: 0,
  hooks: 0,
  clock: 0,
};

/** Returns the options of a limiter store when none of them is unknown. */
export function checkLimiterStoreOptions(options: MemoryLimiterStoreOptions): MemoryLimiterStoreOptions {
  return optionsObject('options', options, limiterOptions);
}

/** Returns the options of a lock store when none of them is unknown. */
export function checkLockStoreOptions(options: MemoryLockStoreOptions): MemoryLockStoreOptions {
  return optionsObject('options', options, { maxKeys: 0, clock: 0 });
}

/** Returns `maxKeys`, or its default, when it is usable. */
export function checkMaxKeys(value = 1_000_000): number {
  return integerIn('maxKeys', value, 1, mostKeys);
}

/** Returns `sweepIntervalMs`, or its default, when it is usable. */
export function checkSweepIntervalMs(value = 30_000): number {
  return integerIn('sweepIntervalMs', value, 1, 2 ** 31 - 1);
}

/** Returns `whenFull`, or its default, when it is one of the choices. */
export function checkWhenFull(value: WhenFull = 'refuse'): WhenFull {
  return oneOf('whenFull', value, ['refuse', 'evict-oldest']);
}
