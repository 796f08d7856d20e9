import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { Few } from './few.js';

const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];

describe('Few', () => {
  it('is a set in order of addition, whatever its size was before', () => {
    const few = new Few<{ name: string }>();
    const model = new Set<{ name: string }>();
    const steps: readonly (readonly ['add' | 'delete', { name: string }])[] = [
      ['delete', a],
      ['add', a],
      ['add', a],
      ['delete', b],
      ['delete', a],
      ['add', b],
      ['add', a],
      ['add', c],
      ['add', b],
      ['delete', b],
      ['add', b],
      ['delete', a],
      ['delete', c],
      ['delete', b],
      ['add', c],
    ];
    for (const [step, item] of steps) {
      few[step](item);
      model[step](item);
      assert.deepEqual([...few], [...model]);
      assert.equal(few.size, model.size);
      assert.equal(few.first, [...model][0]);
      for (const each of [a, b, c]) assert.equal(few.has(each), model.has(each));
    }
  });
});
