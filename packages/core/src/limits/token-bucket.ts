import type { Algorithm } from './algorithm.js';
import type { TokenBucketLimit } from './limit.js';

/** Level at `nowUs` of a bucket that held `level` units at `atUs`; exact, and without overflow however long the gap. */
export function tokenBucketLevel(limit: TokenBucketLimit, level: number, atUs: number, nowUs: number): number {
  const full = limit.limit * limit.unitsPerToken;
  const elapsedUs = nowUs - atUs;
  // Compared in time, not in units: elapsed * rate could exceed 2^53.
  if (elapsedUs >= Math.ceil((full - level) / limit.unitsPerUs)) return full;
  return level + elapsedUs * limit.unitsPerUs;
}

/** State: `[level, atUs]`, the level in units of 1/q token (negative in debt) as of `atUs`. */
export const tokenBucketAlgorithm: Algorithm<TokenBucketLimit> = {
  fresh: (limit, nowUs) => [limit.limit * limit.unitsPerToken, nowUs],
  advance: (limit, [level = 0, atUs = 0], nowUs) => [tokenBucketLevel(limit, level, atUs, nowUs), nowUs],
  isFresh: (limit, [level = 0]) => level >= limit.limit * limit.unitsPerToken,
  used: (limit, [level = 0]) => limit.limit - Math.floor(level / limit.unitsPerToken),
  charge: (limit, [level = 0, atUs = 0], cost) => {
    const full = limit.limit * limit.unitsPerToken;
    // A cost above two capacities would leave the safe integers before the floor is applied.
    const units = cost > 2 * limit.limit ? 2 * full : cost * limit.unitsPerToken;
    return [Math.max(-full, level - units), atUs];
  },
  refund: (limit, [level = 0, atUs = 0], cost) => {
    const full = limit.limit * limit.unitsPerToken;
    const units = cost > 2 * limit.limit ? 2 * full : cost * limit.unitsPerToken;
    return [Math.min(full, level + Math.min(units, full - level)), atUs];
  },
  admitAtUs: (limit, [level = 0], cost, nowUs) => {
    const missing = cost * limit.unitsPerToken - level;
    return missing <= 0 ? nowUs : nowUs + Math.ceil(missing / limit.unitsPerUs);
  },
  freshAtUs: (limit, [level = 0], nowUs) =>
    nowUs + Math.ceil((limit.limit * limit.unitsPerToken - level) / limit.unitsPerUs),
};
