import { describe, expect, it } from 'vitest';
import { tokenBucket } from './limit.js';
import { tokenBucketAlgorithm } from './token-bucket.js';

/** A small, fast, seeded generator (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const epochUs = 1_795_359_133_344_567;

/**
 * The bucket by rational arithmetic that shares nothing with the implementation: the level is `numerator / intervalUs` tokens, and every
 * microsecond adds `refillTokens` to the numerator.
 */
function simulate(
  options: { capacity: number; refillTokens: number; refillIntervalMs: number },
  steps: number,
  seed: number,
): { admitted: number; expected: number; level: bigint; expectedLevel: bigint } {
  const limit = tokenBucket(options);
  const intervalUs = BigInt(options.refillIntervalMs) * 1000n;
  const rate = BigInt(options.refillTokens);
  const full = BigInt(options.capacity) * intervalUs;
  const next = random(seed);
  // Around the time in which one call's worth is gained, so that both answers are common; an hour at most, so that the last instant is a safe integer.
  const meanGapUs = Math.min(
    3_600_000_000,
    Math.max(2, Math.round((2 * options.refillIntervalMs * 1000) / options.refillTokens)),
  );
  let state = tokenBucketAlgorithm.fresh(limit, epochUs);
  let numerator = full;
  let nowUs = epochUs;
  let admitted = 0;
  let expected = 0;
  for (let i = 0; i < steps; i++) {
    const gapUs = Math.floor(next() * meanGapUs * 2);
    const cost = 1 + Math.floor(next() * 3);
    nowUs += gapUs;
    state = tokenBucketAlgorithm.advance(limit, state, nowUs);
    if (tokenBucketAlgorithm.admitAtUs(limit, state, cost, nowUs) === nowUs) {
      state = tokenBucketAlgorithm.charge(limit, state, cost, nowUs);
      admitted += cost;
    }
    numerator += rate * BigInt(gapUs);
    if (numerator > full) numerator = full;
    const needed = BigInt(cost) * intervalUs;
    if (numerator >= needed) {
      numerator -= needed;
      expected += cost;
    }
    if (admitted !== expected) break;
  }
  // level / unitsPerToken tokens against numerator / intervalUs tokens.
  const level = BigInt(state[0] as number) * intervalUs;
  return { admitted, expected, level, expectedLevel: numerator * BigInt(limit.unitsPerToken) };
}

// Half a second each on an idle machine; the bound is for one that runs much else.
describe('a token bucket over 1,000,000 steps', { timeout: 60_000 }, () => {
  it.each([
    { capacity: 10, refillTokens: 7, refillIntervalMs: 3000 },
    { capacity: 5, refillTokens: 1, refillIntervalMs: 86_400_000 },
    { capacity: 1_000_000, refillTokens: 1_000_000, refillIntervalMs: 1000 },
    { capacity: 4, refillTokens: 1_000_000, refillIntervalMs: 1000 },
    { capacity: 1_000_000, refillTokens: 1_000_000, refillIntervalMs: 86_400_000 },
  ])('admits what exact rational arithmetic admits: %j', (options) => {
    const { admitted, expected, level, expectedLevel } = simulate(options, 1_000_000, 20260722);
    expect(admitted).toBe(expected);
    expect(level).toBe(expectedLevel);
    expect(admitted).toBeGreaterThan(40_000);
  });
});
