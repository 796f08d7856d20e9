import type { Operation } from './gathering.js';

/** Below this many the long way is as fast. */
const fewest = 4;

/**
 * Places (from 1) of the operations of a batch that may be done together: exclusive acquires of locks that this connection does not have and that
 * the batch names once. `ops` are sorted by lock id. Empty when it is not worth it.
 */
export function togetherOf(ops: readonly Operation[]): number[] {
  const places: number[] = [];
  for (const [i, op] of ops.entries()) {
    const lockId = op[1];
    // Exclusive, and not ours already: see `lock_batch_v1`.
    if (op[0] !== 'a' || op[5] !== 0 || op[12] !== 0) continue;
    if (ops[i - 1]?.[1] !== lockId && ops[i + 1]?.[1] !== lockId) places.push(i + 1);
  }
  return places.length < fewest ? [] : places;
}
