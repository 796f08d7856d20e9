import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { scalingFigures } from './scaling.js';

const benchmarks = readFileSync(new URL('../../../docs/benchmarks.md', import.meta.url), 'utf8');

it('finds every row that the page about scaling needs', () => {
  const figures = scalingFigures(benchmarks);
  expect(figures).toContain('"Redis": 10,000 keys, 2,048 callers, headgate');
  expect(figures).not.toContain('NaN');
});

it('does the arithmetic', () => {
  const redis = /^(\| 10,000 keys, 2,048 callers +\| headgate +\| )[\d,]+( decisions\/s)/m;
  const figures = scalingFigures(benchmarks.replace(redis, '$1100,000$2'));
  expect(figures).toMatch(
    /^\| one Redis +\| 100,000 +\| "Redis": 10,000 keys, 2,048 callers, headgate +\| 50,000 +\| ceil\(1,000,000 \/ 50,000\) = 20 +\|$/m,
  );
});

it('refuses a document without one of them', () => {
  expect(() => scalingFigures(benchmarks.replaceAll('one hot key', 'another key'))).toThrow('one hot key');
});
