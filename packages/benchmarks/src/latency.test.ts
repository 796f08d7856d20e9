import { createHistogram } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { closedLoop, openLoop, quantiles } from './latency.js';

/** Answers at once, but for call `at`, which blocks the whole process for `ms`. */
function stalling(at: number, ms: number): (n: number) => Promise<void> {
  return async (n) => {
    const until = performance.now() + (n === at ? ms : 0);
    while (performance.now() < until);
  };
}

it('tells the percentiles in microseconds', () => {
  const times = createHistogram();
  for (let us = 1; us <= 1000; us++) times.record(us * 1000);
  const { value, details } = quantiles(times);
  expect([value, details?.['p50'], details?.['p95'], details?.['p99.9']].map((us) => Math.round(us ?? 0))).toEqual([
    990, 500, 950, 999,
  ]);
});

it('open loop: a stall counts against every call that it delays', async () => {
  // 100 calls in 100 ms, and the first takes 60 of them: some 60 calls are late, by 30 ms in the middle.
  const { details } = await openLoop(1000, stalling(0, 60)).round(100);
  expect(details?.['p50']).toBeGreaterThan(5_000);
});

it('closed loop: a stall is one slow call among many, which is why there is an open loop too', async () => {
  const { details } = await closedLoop(1, stalling(0, 30)).round(100);
  expect(details?.['p50']).toBeLessThan(5_000);
});
