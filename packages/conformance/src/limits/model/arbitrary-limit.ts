import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from '@headgate/core';
import fc from 'fast-check';
import type { Limit, LimitKind } from '@headgate/core';

/** Awkward lengths: below a second, around it, with no common divisor, past 2^31 ms (24.8 days), a month, a year. */
const longDurationsMs = [
  1,
  2,
  3,
  7,
  50,
  100,
  999,
  1000,
  1001,
  3000,
  60_000,
  86_400_000,
  2 ** 31,
  2_592_000_000,
  31_536_000_000,
];
/** Lengths that can be waited for. */
const shortDurationsMs = [1, 2, 3, 7, 10, 20, 50, 100, 200];

/** What limits a trace may use. */
export interface LimitChoice {
  readonly kinds: readonly LimitKind[];
  /** Whether time is moved (any length) or waited for (short ones). */
  readonly movable: boolean;
  /** `capabilities.maxSlidingLogLimit`. */
  readonly maxLog: number;
}

/** Small limits, whose edges a short trace reaches, and now and then one whose weights need more than 53 bits. */
export function arbitraryLimit(name: string, { kinds, movable, maxLog }: LimitChoice): fc.Arbitrary<Limit> {
  const duration = fc.constantFrom(...(movable ? longDurationsMs : shortDurationsMs));
  const small = fc.integer({ min: 1, max: 9 });
  const large = fc.oneof(
    { weight: 9, arbitrary: small },
    { weight: 1, arbitrary: fc.integer({ min: 10, max: 2 ** 50 }) },
  );
  const byKind: Record<LimitKind, fc.Arbitrary<Limit>> = {
    tokenBucket: fc
      .record({ capacity: small, refillTokens: small, refillIntervalMs: duration })
      .map((options) => tokenBucket({ name, ...options })),
    fixedWindow: fc
      .record({ limit: large, windowMs: duration, aligned: fc.boolean() })
      .map((options) => fixedWindow({ name, ...options })),
    slidingWindow: fc
      .record({ limit: large, windowMs: duration })
      .map((options) => slidingWindow({ name, ...options })),
    slidingLog: fc
      .record({ limit: small, windowMs: duration })
      .map(({ limit, windowMs }) => slidingLog({ name, limit: Math.min(limit, maxLog), windowMs })),
  };
  const usable = kinds.filter((kind) => kind !== 'slidingLog' || maxLog > 0);
  return fc.constantFrom(...usable).chain((kind) => byKind[kind]);
}
