import { expect, it } from 'vitest';
import { exponentOf, shapeOf } from './growth.js';

const grown = (cost: (x: number) => number): string =>
  shapeOf(exponentOf([1, 10, 100, 1000].map((x) => [x, cost(x)] as const)));

it('names the shape of a cost', () => {
  expect(grown((x) => 1 / x)).toBe('falls');
  expect(grown((x) => 5 + 0.1 * Math.log10(x))).toBe('constant');
  expect(grown((x) => Math.sqrt(x))).toBe('grows less than linearly');
  expect(grown((x) => 3 * x)).toBe('linear');
  expect(grown((x) => x * x)).toBe('worse than linear');
});

it('fits the exponent of a power exactly, and through noise nearly', () => {
  expect(
    exponentOf([
      [1, 2],
      [10, 2 * 10 ** 0.7],
      [100, 2 * 100 ** 0.7],
    ]),
  ).toBeCloseTo(0.7, 9);
  expect(
    exponentOf([
      [1, 1.1],
      [10, 9],
      [100, 105],
      [1000, 970],
    ]),
  ).toBeCloseTo(1, 1);
});

it('refuses what has no slope', () => {
  expect(() =>
    exponentOf([
      [8, 1],
      [8, 2],
    ]),
  ).toThrow('two different x');
});
