import { expect, it } from 'vitest';
import { trendPercent } from './soak.js';

it('sees a leak through the noise, and no leak in noise', () => {
  const noise = [1, -1, 2, 0, -2, 1, 0, -1];
  expect(trendPercent(noise.map((n) => 100 + n))).toBeLessThan(0);
  expect(trendPercent(noise.map((n, i) => 100 + n + 2 * i))).toBeGreaterThan(10);
});

it('is the rise from first to last in percent of the mean', () => {
  expect(trendPercent([90, 100, 110])).toBeCloseTo(20, 9);
  expect(trendPercent([5, 5, 5, 5])).toBe(0);
});
