import { expect, it } from 'vitest';
import { keySpace } from './keys.js';

it('spreads keys over every bucket, and always puts a key into the same one', () => {
  const { bucketOf, buckets } = keySpace();
  const used = new Set(Array.from({ length: 2_000 }, (_, i) => bucketOf(`api:user:${i}`)));
  expect(used.size).toBe(buckets);
  expect(bucketOf('api:user:1')).toBe(keySpace('other').bucketOf('api:user:1'));
});

it('keeps the published hash, so that releases agree on where a key lies', () => {
  const { base, bucketOf } = keySpace('p', 4_096);
  // FNV-1a, 32 bits: '' is 0x811c9dc5, 'a' is 0xe40c292c, 'foobar' is 0xbf9cf968.
  expect(['', 'a', 'foobar'].map(bucketOf)).toEqual([0xdc5, 0x92c, 0x968]);
  expect(base(7)).toBe('p:{7}:');
});

it.each([['a{b'], ['a}b'], ['with space'], [''], [7]])('refuses the prefix %j', (prefix) => {
  expect(() => keySpace(prefix)).toThrow(/Expected `prefix`/);
});

it.each([[0], [1.5], [4_097], ['8']])('refuses %j buckets', (buckets) => {
  expect(() => keySpace('p', buckets)).toThrow(/Expected `buckets`/);
});
