import { describe, expect, it } from 'vitest';
import { togetherOf } from './together.js';
import type { Operation } from './gathering.js';

const acquire = (lockId: string, mode = 0, busy = 0): Operation => [
  ...(['a', lockId, 'hash', 'key', 'lease', mode, 1, 1, 1, 'info', null, null, busy, []] as const),
];
const release = (lockId: string): Operation => ['r', lockId, 'lease', 0, null, 'hash'];

describe('togetherOf', () => {
  it('names the places of exclusive acquires', () => {
    expect(togetherOf(['1', '2', '3', '4'].map((id) => acquire(id)))).toEqual([1, 2, 3, 4]);
  });

  it('leaves out readers, permits, locks of our own, and locks that are named twice', () => {
    const alone = ['1', '2', '3', '4'].map((id) => acquire(id));
    const others = [acquire('5', 1), acquire('6', 2), acquire('7', 0, 1), release('8'), acquire('8')];
    expect(togetherOf([...alone, ...others])).toEqual([1, 2, 3, 4]);
  });

  it('is not used for a few', () => {
    expect(togetherOf([acquire('1'), acquire('2'), acquire('3')])).toEqual([]);
  });
});
