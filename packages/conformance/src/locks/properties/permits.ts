import assert from 'node:assert/strict';
import { randomKey } from '../../suite/random.js';
import { assertHolders, giveBack, refuse, release, request, type Held, take } from '../leases.js';
import { allUnless, inMovedTime, type LockProperty, needsPermits } from './claim.js';

const permit = (permits: number): { mode: 'permit'; permits: number } => ({ mode: 'permit', permits });

/** N permits are N: never one more, and never one lost. */
export const permitProperties: readonly LockProperty[] = allUnless(needsPermits, [
  {
    id: 'permits/never-one-too-many',
    title: 'of N permits N are granted and no more, and each that is given back lets one in',
    async run({ store, peer }) {
      const key = randomKey();
      const stores = [store, await peer()] as const;
      const of = (index: number): typeof store => stores[index % 2] as typeof store;
      const held: Held[] = [];
      for (let each = 0; each < 3; each++) held.push(await take(of(each), key, permit(3)));
      for (let round = 0; round < 6; round++) {
        const refusal = await refuse(of(round), key, permit(3));
        assert.equal(refusal.holders.length, 3, 'the refusal names every holder');
        await giveBack(of(round % 3), held[round % 3] as Held);
        held[round % 3] = await take(of(round % 3), key, permit(3));
      }
      await assertHolders(store, key, held);
    },
  },
  {
    id: 'permits/storm-admits-exactly-n',
    title: 'forty attempts at once from two instances for 4 permits: exactly 4 are granted',
    async run({ store, peer }) {
      const key = randomKey();
      const stores = [store, await peer()] as const;
      const replies = await Promise.all(
        Array.from({ length: 40 }, (_, index) => (stores[index % 2] as typeof store).acquire(request(key, permit(4)))),
      );
      assert.equal(replies.filter((reply) => reply.acquired).length, 4);
      assert.equal((await store.inspect(key))?.holders.length, 4);
    },
  },
  {
    id: 'permits/one-permit-is-not-exclusive-mode',
    title: 'permits and exclusive leases exclude each other, even of 1 permit',
    async run({ store }) {
      const key = randomKey();
      const held = await take(store, key, permit(1));
      await refuse(store, key, permit(1));
      await refuse(store, key);
      await giveBack(store, held);
      await take(store, key);
      await refuse(store, key, permit(1));
      await refuse(store, key, permit(5));
    },
  },
  {
    id: 'permits/released-twice-frees-one',
    title: 'releasing one permit twice frees one, not two',
    async run({ store }) {
      const key = randomKey();
      const first = await take(store, key, permit(2));
      await take(store, key, permit(2));
      await giveBack(store, first);
      assert.equal((await release(store, first)).released, false);
      await take(store, key, permit(2));
      await refuse(store, key, permit(2));
    },
  },
  {
    id: 'permits/repeated-acquire-takes-one',
    title: 'an acquire that is repeated with its lease id takes one permit, not two',
    async run({ store }) {
      const key = randomKey();
      const first = await take(store, key, permit(2));
      const again = await store.acquire(first.request);
      assert.ok(again.acquired);
      assert.equal(again.fencingToken, first.fencingToken);
      await take(store, key, permit(2));
      await refuse(store, key, permit(2));
    },
  },
  inMovedTime({
    id: 'permits/expired-permit-comes-back',
    title: 'a permit whose holder vanished comes back after its ttl, and only that one',
    async run(test) {
      const key = randomKey();
      await take(test.store, key, { ...permit(2), ttlMs: test.shortMs });
      await take(test.store, key, { ...permit(2), ttlMs: 120_000 });
      await test.outlive(test.shortMs);
      await take(test.store, key, permit(2));
      await refuse(test.store, key, permit(2));
    },
  }),
]);
