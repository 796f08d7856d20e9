import { invalid } from '../validate.js';
import { gcd } from './exact.js';
import { maxUnits } from './limit.js';
import type { Limit } from './limit.js';

/** A share as a reduced ratio of whole numbers, so that scaling with it stays exact. */
export interface ShareRatio {
  readonly part: number;
  readonly whole: number;
}

const largestWhole = 10_000;

/** The ratio behind a `share` such as `1 / 3`: the one with the smallest denominator, which may be at most 10,000. */
export function shareRatio(option: string, share: unknown): ShareRatio {
  if (typeof share === 'number' && share > 0 && share <= 1) {
    for (let whole = 1; whole <= largestWhole; whole++) {
      const part = Math.round(share * whole);
      if (part > 0 && Math.abs(part - share * whole) < 1e-9) return { part, whole };
    }
  }
  throw invalid(option, `above 0 and at most 1: a ratio such as 1 / 3 of whole numbers up to ${largestWhole}`, share);
}

/**
 * The part of a limit that one process may admit alone: `max(1, floor(limit * share))` units, in the same window; a bucket's rate is scaled
 * exactly. Throws {@link InvalidArgumentError} when a bucket's scaled rate cannot be held exactly.
 */
export function shareOfLimit(option: string, limit: Limit, { part, whole }: ShareRatio): Limit {
  if (part === whole) return limit;
  // limit * part / whole, without a product that could leave the safe integers.
  const rest = limit.limit % whole;
  const scaled = Math.max(1, Math.floor(limit.limit / whole) * part + Math.floor((rest * part) / whole));
  if (limit.kind !== 'tokenBucket') return Object.freeze({ ...limit, limit: scaled });
  const crossRate = gcd(limit.unitsPerUs, whole);
  const crossToken = gcd(part, limit.unitsPerToken);
  const unitsPerUs = (limit.unitsPerUs / crossRate) * (part / crossToken);
  const unitsPerToken = (limit.unitsPerToken / crossToken) * (whole / crossRate);
  if (unitsPerUs > maxUnits || scaled > maxUnits / 2 / unitsPerToken) {
    throw invalid(option, `a share that scales the rate of limit '${limit.name}' exactly`, part / whole);
  }
  const windowMs = Math.ceil(Math.ceil((scaled * unitsPerToken) / unitsPerUs) / 1000);
  return Object.freeze({ ...limit, limit: scaled, windowMs, unitsPerUs, unitsPerToken });
}
