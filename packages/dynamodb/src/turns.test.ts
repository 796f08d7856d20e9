import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { Turns } from './turns.js';
import { WarmCache } from './warm-cache.js';

describe('turns', () => {
  it('pass calls on one key one after another, also behind one that failed, and others freely', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const work =
      (name: string, fails = false) =>
      async (): Promise<string> => {
        log.push(`${name} begins`);
        await new Promise(setImmediate);
        log.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      };
    const outcomes = await Promise.allSettled([
      turns.take('k', work('a', true)),
      turns.take('k', work('b')),
      turns.take('other', work('c')),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled'],
    );
    assert.ok(log.indexOf('a ends') < log.indexOf('b begins'));
    assert.ok(log.indexOf('c begins') < log.indexOf('a ends'));
  });
});

describe('the warm cache', () => {
  it('holds no more than it may, and forgets what was unused longest', () => {
    const cache = new WarmCache<number>(2);
    cache.set('a', 1);
    cache.set('b', 2);
    cache.set('a', 3);
    cache.set('c', 4);
    assert.deepEqual(
      [...cache.entries()],
      [
        ['a', 3],
        ['c', 4],
      ],
    );
  });
});
