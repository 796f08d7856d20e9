import { tokenBucket } from '@headgate/core';
import { memoryLimiterStore } from '@headgate/memory';
import { randomFrom } from '../loops.js';
import type { Clock, TokenBucketOptions } from '@headgate/core';
import type { Sample } from '../table.js';

const stepsPerRatio = 1_000_000;

/** Ratios that floating point or truncated integers get wrong sooner or later. */
const ratios: readonly (TokenBucketOptions & { readonly refillTokens: number })[] = [
  { capacity: 7, refillTokens: 7, refillIntervalMs: 3000 },
  { capacity: 3, refillTokens: 1, refillIntervalMs: 86_400_000 },
  { capacity: 1_000_000, refillTokens: 1_000_000, refillIntervalMs: 1000 },
];

/** Counts the decisions of a million steps per ratio that differ from exact rational arithmetic. */
export function countInexact(): Sample {
  let differing = 0;
  for (const ratio of ratios) differing += differences(ratio);
  return { value: differing, details: { steps: ratios.length * stepsPerRatio } };
}

/** Steps whose `allowed` or `remaining` differ from those of a bucket kept as a fraction of big integers. */
function differences(options: (typeof ratios)[number]): number {
  const random = randomFrom(7);
  let nowUs = 1_700_000_000_000_000;
  const clock: Clock = {
    nowUs: () => nowUs,
    monotonicMs: () => nowUs / 1000,
    setTimer: () => ({ clear: () => undefined, unref: () => undefined }),
  };
  const decide = memoryLimiterStore({ clock }).decideNowFor('exact', [tokenBucket(options)], (_key, answer) => answer);
  const perUs = BigInt(options.refillTokens);
  const perToken = BigInt(options.refillIntervalMs) * 1000n;
  const full = BigInt(options.capacity) * perToken;
  let level = full;
  let differing = 0;
  // On average the bucket gains what is asked for, so that it is often nearly empty, where rounding shows.
  const usPerToken = (options.refillIntervalMs * 1000) / options.refillTokens;
  for (let step = 0; step < stepsPerRatio; step++) {
    const cost = 1 + Math.floor(random() * 3);
    const elapsedUs = Math.floor(random() * 4 * usPerToken);
    nowUs += elapsedUs;
    level += BigInt(elapsedUs) * perUs;
    if (level > full) level = full;
    const charge = BigInt(cost) * perToken;
    const allowed = level >= charge;
    if (allowed) level -= charge;
    const answer = decide('key', { kind: 'consume', cost });
    if (answer.allowed !== allowed || BigInt(answer.remaining) !== level / perToken) differing++;
  }
  return differing;
}
