import { floorMulDiv } from '@headgate/core';
import type { Limit } from '@headgate/core';

/** Most that `limit` admits in any closed interval of `lengthUs`, from whatever state. */
export function mostAdmitted(limit: Limit, lengthUs: number): number {
  switch (limit.kind) {
    case 'tokenBucket':
      return limit.limit + Math.floor((lengthUs * limit.unitsPerUs) / limit.unitsPerToken);
    case 'slidingLog':
      return limit.limit * (Math.floor(lengthUs / limit.windowUs) + 1);
    case 'fixedWindow':
      // An interval as short as a tick may touch two windows.
      return limit.limit * (Math.ceil(lengthUs / limit.windowUs) + 1);
    case 'slidingWindow': {
      // Two neighbouring windows admit at most one limit more than the share of the second that has passed.
      const whole = Math.floor(lengthUs / limit.windowUs);
      return limit.limit * (1 + whole) + floorMulDiv(limit.limit, lengthUs - whole * limit.windowUs, limit.windowUs);
    }
  }
}

/**
 * For how long a charge can still count, microseconds: what happened longer ago cannot make a call be denied. Without bound for a
 * bucket, which steady demand keeps from ever being full.
 */
export function memoryUs(limit: Limit): number {
  if (limit.kind === 'tokenBucket') return Infinity;
  return limit.kind === 'slidingWindow' ? 2 * limit.windowUs : limit.windowUs;
}

/** Whole units of a charge of `cost` that a bucket has regained after `elapsedUs`, rounded down; 0 for windows, which forget all at once. */
export function regained(limit: Limit, elapsedUs: number): number {
  if (limit.kind !== 'tokenBucket' || elapsedUs <= 0) return 0;
  return Math.floor((elapsedUs * limit.unitsPerUs) / limit.unitsPerToken);
}
