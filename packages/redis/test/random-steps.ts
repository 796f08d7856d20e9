import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from '@headgate/core';
import type { Limit, LimiterOp } from '@headgate/core';

/** A small seeded generator (mulberry32), so that a failure can be run again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

const windowsMs = [1, 3, 7, 50, 1_000, 86_400_000, 2 ** 40];
const sizes = [1, 2, 5, 10, 97, 1_000_000, 2 ** 50];

/** A random limit; small and extreme parameters are as likely as ordinary ones. */
export function randomLimit(random: Random, name: string): Limit {
  const windowMs = random.pick(windowsMs);
  const limit = random.pick(sizes);
  switch (random.below(4)) {
    case 0:
      try {
        return tokenBucket({
          name,
          capacity: limit,
          refillTokens: random.pick([1, 3, 7, limit]),
          refillIntervalMs: random.pick([1, 3, 7, 1_000, 86_400_000]),
        });
      } catch {
        // Not every pair can be held exactly; core refuses those.
        return tokenBucket({ name, capacity: 7, refillTokens: 7, refillIntervalMs: 3 });
      }
    case 1:
      return fixedWindow({ name, limit, windowMs, aligned: random.below(2) === 0 });
    case 2:
      return slidingWindow({ name, limit, windowMs });
    default:
      return slidingLog({ name, limit: Math.min(limit, 200), windowMs });
  }
}

/** Policies of one to three limits over few names, so that parameters change and limits come and go. */
export function randomPolicies(random: Random, count: number): readonly (readonly Limit[])[] {
  return Array.from({ length: count }, () => {
    const names = ['a', 'b', 'c'].filter(() => random.below(2) === 0);
    return (names.length === 0 ? ['a'] : names).map((name) => randomLimit(random, name));
  });
}

/** One to four random operations; `chargedAtUs` are instants a refund may name. */
export function randomOps(
  random: Random,
  limits: readonly Limit[],
  chargedAtUs: readonly number[],
  nowUs: number,
): LimiterOp[] {
  const least = Math.min(...limits.map(({ limit }) => limit));
  const cost = (): number =>
    random.pick([0, 1, 1, 1, 2, 3, least, Math.ceil(least / 2), least + 1, 2 ** 53 - 1, 1 + random.below(20)]);
  const op = (): LimiterOp => {
    switch (random.below(12)) {
      case 0:
        return { kind: 'consumeUpTo', cost: cost() };
      case 1:
        return { kind: 'peek', cost: cost() };
      case 2:
      case 3:
        return { kind: 'refund', cost: cost(), atUs: chargedAtUs.length > 0 ? random.pick(chargedAtUs) : nowUs };
      case 4:
        return { kind: 'penalize', cost: cost() };
      case 5:
        return random.below(4) === 0 ? { kind: 'reset' } : { kind: 'peek', cost: 1 };
      case 6:
        return random.below(4) === 0
          ? { kind: 'block', forUs: random.pick([0, 1, 500, 20_000]) }
          : { kind: 'consume', cost: 1 };
      default:
        return { kind: 'consume', cost: cost() };
    }
  };
  const ops = Array.from({ length: 1 + random.below(4) }, op);
  return random.below(4) === 0 ? ops.flatMap((each) => [each, each]) : ops;
}

/** A random limit of a kind that has a short script. */
export function randomTakeLimit(random: Random, name: string): Limit {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const limit = randomLimit(random, name);
    if (limit.kind === 'tokenBucket' || limit.kind === 'fixedWindow') return limit;
  }
  throw new Error('No token bucket and no fixed window in 1,000 random limits');
}

/** One to four calls of `consume` with the same cost, which any limit can admit. */
export function randomTakes(random: Random, limits: readonly Limit[]): LimiterOp[] {
  const least = Math.min(...limits.map(({ limit }) => limit));
  const cost = Math.min(least, random.pick([1, 1, 1, 2, 3, least, Math.ceil(least / 2)]));
  return Array.from({ length: 1 + random.below(4) }, () => ({ kind: 'consume', cost }));
}
