import { type Clock, casLimiterStore, type LimiterStore } from '@headgate/core';
import { load, machineClock, placeOf, swap } from './documents.js';

/** Rate limits in the files of a folder. Core needs no more of a store than a read and a compare-and-swap. */
export function fileLimiterStore(folder: string, clock: Clock = machineClock): LimiterStore {
  return casLimiterStore<string>({
    name: 'files',
    clock,
    load: async (key) => load(placeOf(folder, key)),
    swap: async (key, { expected, text }) => swap(placeOf(folder, key), expected, text),
  });
}
