import { userKeys } from './loops.js';
import type { Runner } from './table.js';

/** Measures the bytes that a contestant keeps for each of `count` keys, beyond the key strings themselves. */
export function bytesPerKey(count: number, charge: (key: string) => unknown): Runner {
  return {
    async round() {
      const keys = userKeys(count);
      const before = bytesInUse();
      for (const key of keys) await charge(key);
      const after = bytesInUse();
      // The contestant's keys are these very strings; they must not be collected before the second look.
      if (keys.length !== count) throw new Error('The keys changed');
      return { value: (after - before) / count };
    },
  };
}

/** The heap and array buffers that are in use after collection. Needs `--expose-gc`. */
export function bytesInUse(): number {
  if (!globalThis.gc) throw new Error('Run with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
