import assert from 'node:assert/strict';
import { randomKey } from '../../suite/random.js';
import { assertHolders, extend, giveBack, refuse, type Held, take } from '../leases.js';
import { allUnless, inMovedTime, type LockProperty, needsPermits, needsShared } from './claim.js';

const shared = { mode: 'shared' } as const;

/** Readers share, writers do not. */
export const sharedProperties: readonly LockProperty[] = allUnless(needsShared, [
  {
    id: 'shared/readers-hold-together',
    title: 'shared leases hold one key together, and each ends only its own',
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const first = await take(store, key, shared);
      const second = await take(other, key, shared);
      const third = await take(store, key, shared);
      await assertHolders(other, key, [first, second, third]);
      await giveBack(store, first);
      await assertHolders(store, key, [second, third]);
      assert.deepEqual(await extend(other, second, 30_000), { extended: true });
      assert.equal((await extend(store, first, 30_000)).extended, false);
    },
  },
  {
    id: 'shared/keeps-writers-out',
    title: 'no exclusive lease is granted while any shared one holds, and the refusal names them all',
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const readers: Held[] = [];
      for (let each = 0; each < 3; each++) readers.push(await take(each % 2 ? other : store, key, shared));
      const refusal = await refuse(other, key);
      assert.deepEqual(
        refusal.holders.map((holder) => holder.leaseId).sort(),
        readers.map((reader) => reader.leaseId).sort(),
      );
      for (const [index, reader] of readers.entries()) {
        await refuse(store, key);
        await giveBack(index % 2 ? other : store, reader);
      }
      await take(store, key);
    },
  },
  {
    id: 'shared/writer-keeps-readers-out',
    title: 'no shared lease is granted while an exclusive one holds',
    async run({ store, peer }) {
      const key = randomKey();
      const writer = await take(store, key);
      await refuse(store, key, shared);
      await refuse(await peer(), key, shared);
      await giveBack(store, writer);
      await take(store, key, shared);
    },
  },
  {
    id: 'shared/repeated-acquire-is-one-reader',
    title: 'a reader whose acquire is repeated releases once and is gone',
    async run({ store }) {
      const key = randomKey();
      const reader = await take(store, key, shared);
      assert.deepEqual(await store.acquire(reader.request), {
        acquired: true,
        fencingToken: reader.fencingToken,
        lastToken: reader.lastToken,
      });
      await giveBack(store, reader);
      await take(store, key);
    },
  },
  inMovedTime({
    id: 'shared/readers-expire-one-by-one',
    title: 'a reader that is extended keeps its lease when another expires; the writer gets in after the last',
    async run(test) {
      const key = randomKey();
      const { store } = test;
      await take(store, key, { ...shared, ttlMs: test.shortMs });
      const kept = await take(store, key, { ...shared, ttlMs: 120_000 });
      await test.outlive(test.shortMs);
      await assertHolders(store, key, [kept]);
      await refuse(store, key);
      await giveBack(store, kept);
      await take(store, key);
    },
  }),
  {
    id: 'shared/does-not-mix-with-permits',
    title: 'shared leases and permits exclude each other',
    unless: needsPermits,
    async run({ store }) {
      const key = randomKey();
      const reader = await take(store, key, shared);
      await refuse(store, key, { mode: 'permit', permits: 3 });
      await giveBack(store, reader);
      await take(store, key, { mode: 'permit', permits: 3 });
      await refuse(store, key, shared);
    },
  },
]);
