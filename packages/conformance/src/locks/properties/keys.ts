import assert from 'node:assert/strict';
import { maxKeyBytes } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { assertHolders, giveBack, take } from '../leases.js';
import type { LockProperty } from './claim.js';

/** Keys that careless stores take for one another; each group is distinct within itself. */
const lookalikes: readonly (readonly string[])[] = [
  ['Key', 'key', 'KEY'],
  ['caf\u00e9', 'cafe\u0301', 'cafe'],
  ['\ufb01le', 'file'],
  ['\u212b', '\u00c5', 'A\u030a'],
  ['stra\u00dfe', 'strasse'],
  ['a', 'a ', ' a', 'a\t', 'a\n'],
  ['a:b', 'a', 'a:', ':a', 'a::b'],
  ['{a}', 'a', '{a}b', '{a', 'a}'],
  ['a\0b', 'a', 'a\0', 'ab', '\0'],
  ['%', '_', '*', '?', '[a]', String.raw`\a`],
  ['__proto__', 'constructor', 'toString', 'hasOwnProperty'],
  ['1', '01', '1.0', '1e0', '+1'],
  ['null', 'undefined', 'true'],
  ['../a', './a', '/a', 'a/'],
  ['\u{1f512}', '\u{1f513}'],
  ["'; DROP TABLE locks; --", '"', "'"],
];

/** Keys are bytes: nothing about them is folded, cut or interpreted. */
export const keyProperties: readonly LockProperty[] = [
  {
    id: 'keys/never-alias',
    title: 'keys that differ in case, normalisation, spaces, braces, NUL or punctuation are different keys',
    async run({ store }) {
      for (const group of lookalikes) {
        const prefix = randomKey();
        const held = await Promise.all(group.map((name) => take(store, `${prefix}${name}`)));
        for (const each of held) {
          assert.equal((await store.inspect(each.key))?.key, each.key);
          await assertHolders(store, each.key, [each]);
        }
        for (const each of held) await giveBack(store, each);
      }
    },
  },
  {
    id: 'keys/whole-length-counts',
    title: 'keys of 4,096 bytes that differ in their last character are different keys',
    async run({ store }) {
      const start = randomKey().padEnd(maxKeyBytes - 1, 'x');
      const held = await Promise.all(['a', 'b'].map((end) => take(store, `${start}${end}`)));
      for (const each of held) await assertHolders(store, each.key, [each]);
      const wide = randomKey().padEnd(40, '-').slice(0, 40) + '\u{1f512}'.repeat((maxKeyBytes - 40) / 4);
      const emoji = await take(store, wide);
      await assertHolders(store, wide, [emoji]);
    },
  },
  {
    id: 'keys/prefix-is-not-the-key',
    title: 'a key and a longer one that begins with it are released and inspected apart',
    async run({ store }) {
      const short = randomKey();
      const first = await take(store, short);
      const second = await take(store, `${short}:more`);
      await giveBack(store, first);
      await assertHolders(store, short, []);
      await assertHolders(store, second.key, [second]);
      await store.forceRelease(short);
      await assertHolders(store, second.key, [second]);
    },
  },
];
