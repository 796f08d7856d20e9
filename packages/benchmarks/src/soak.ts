import { setTimeout as sleep } from 'node:timers/promises';
import { createLimiter, createLocks, tokenBucket } from '@headgate/core';
import { memoryLimiterStore, memoryLockStore } from '@headgate/memory';
import { bytesInUse } from './bytes.js';
import { userKeys } from './loops.js';
import type { Runner } from './table.js';

/** Fewer samples than this say nothing about a trend. */
const fewestSamples = 4;

/**
 * Asks for `count` distinct keys again and again: half of them keep their records for the whole run, half turn fresh within a second and are swept; some
 * calls are denied, some refunded, and every hundredth key is locked and released. After each pass, when what turned fresh has gone, it takes the memory
 * in use after collection. The value is the trend of that over the run, in percent of its mean.
 */
export function soak(count: number): Runner {
  const store = memoryLimiterStore({ maxKeys: count, sweepIntervalMs: 250 });
  const staying = createLimiter({
    name: 'staying',
    store,
    limits: tokenBucket({ capacity: 2, refillTokens: 1, refillIntervalMs: 24 * 3_600_000 }),
  });
  const passing = createLimiter({
    name: 'passing',
    store,
    limits: tokenBucket({ capacity: 1, refillTokens: 1, refillIntervalMs: 1000 }),
  });
  const locks = createLocks({ name: 'soak', store: memoryLockStore(), ttlMs: 10_000 });
  const keys = userKeys(count);
  const half = Math.floor(count / 2);

  async function pass(): Promise<void> {
    for (let i = 0; i < count; i++) {
      const key = keys[i] as string;
      const limiter = i < half ? staying : passing;
      const decision = await limiter.consume(key);
      // Each key that stays keeps one unit spent: beyond that, what was taken is given back, and the next two calls find it short.
      if (i < half && decision.allowed && decision.remaining === 0) await limiter.refund(decision);
      if (i % 100 === 0) await locks.withLock(key, async () => limiter.consume(key, { cost: 2 }));
    }
    while (store.size > half) await sleep(50);
  }

  return {
    async round(ms) {
      await pass();
      const bytes: number[] = [];
      const began = performance.now();
      while (performance.now() - began < ms || bytes.length < fewestSamples) {
        await pass();
        bytes.push(bytesInUse());
      }
      const minutes = (performance.now() - began) / 60_000;
      const last = bytes.at(-1) as number;
      return { value: trendPercent(bytes), details: { minutes, passes: bytes.length, MB: last / 1e6 } };
    },
  };
}

/** The rise of the straight line through `values` by least squares, first to last, in percent of their mean. */
export function trendPercent(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const rise = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  const run = values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return ((rise / run) * (values.length - 1) * 100) / mean;
}
