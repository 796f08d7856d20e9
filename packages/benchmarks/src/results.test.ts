import { expect, it } from 'vitest';
import { jainIndex } from './contenders.js';
import { median, resultsOf } from './results.js';

const sampled = (...values: number[]) => values.map((value) => ({ value, details: { half: value / 2 } }));
const samples = new Map([
  [
    'work',
    new Map([
      ['ours', sampled(10, 40, 20)],
      ['theirs', sampled(10, 10, 40)],
      ['slow', sampled(1, 2, 90)],
    ]),
  ],
]);

it('takes the middle, or the mean of the two middle ones', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

it('compares round by round, so that a round in which the machine was slow does not tip the ratio', () => {
  const results = resultsOf(samples);
  expect(results.ratio(['work', 'ours'], ['work', 'theirs'])).toBe(1);
  expect(results.median('work', 'ours')).toBe(20);
  expect(results.median('work', 'ours', 'half')).toBe(10);
});

it('takes for the best who was best in the middle, not once', () => {
  expect(resultsOf(samples).best('work', ['theirs', 'slow'])).toBe('theirs');
});

it('fails on what was not measured instead of answering with nothing', () => {
  const results = resultsOf(samples);
  expect(() => results.median('work', 'nobody')).toThrow('No samples of nobody in work');
  expect(() => results.median('work', 'ours', 'third')).toThrow('No third');
});

it('is 1 for equal shares and 1/n when one has everything', () => {
  expect(jainIndex([5, 5, 5, 5])).toBe(1);
  expect(jainIndex([20, 0, 0, 0])).toBe(0.25);
});
