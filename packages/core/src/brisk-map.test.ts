import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { BriskMap } from './brisk-map.js';

describe('BriskMap', () => {
  it('keeps what is in it through any number of entries that come and go', () => {
    const map = new BriskMap<string, number>();
    map.set('stays', -1);
    for (let n = 0; n < 2_000; n += 1) {
      map.set(`k${n}`, n);
      if (n >= 10) map.delete(`k${n - 10}`);
    }
    assert.equal(map.size, 11);
    assert.equal(map.get('stays'), -1);
    assert.equal(map.get('k0'), undefined);
    assert.deepEqual([...map.values()], [-1, 1990, 1991, 1992, 1993, 1994, 1995, 1996, 1997, 1998, 1999]);
  });

  it('replaces the value of a key in place', () => {
    const map = new BriskMap<string, number>();
    for (let n = 0; n < 1_000; n += 1) map.set('k', n);
    assert.deepEqual([...map.values()], [999]);
  });
});
