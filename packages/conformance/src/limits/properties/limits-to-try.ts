import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from '@headgate/core';
import type { Limit } from '@headgate/core';
import type { LimiterContext } from '../context.js';

/** One limit of each algorithm that the store takes, alike as far as they can be: `limit` units per `windowMs`. */
export function everyAlgorithm(
  { store }: LimiterContext,
  { limit, windowMs, name = 'default' }: { readonly limit: number; readonly windowMs: number; readonly name?: string },
): readonly Limit[] {
  const limits: Limit[] = [
    tokenBucket({ name, capacity: limit, refillIntervalMs: windowMs }),
    fixedWindow({ name, limit, windowMs }),
    fixedWindow({ name, limit, windowMs, aligned: true }),
    slidingWindow({ name, limit, windowMs }),
  ];
  if (limit <= store.capabilities.maxSlidingLogLimit) limits.push(slidingLog({ name, limit, windowMs }));
  return limits;
}

/** Long windows for claims in which time should not matter: 1,000 days, so that neither a unit nor a window passes during a test. */
export function slowLimits(context: LimiterContext, limit: number): readonly Limit[] {
  return everyAlgorithm(context, { limit, windowMs: 86_400_000_000 });
}
