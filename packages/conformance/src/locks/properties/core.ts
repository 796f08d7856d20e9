import assert from 'node:assert/strict';
import { randomKey } from '../../suite/random.js';
import { assertHolders, extend, giveBack, refuse, release, request, take } from '../leases.js';
import type { LockProperty } from './claim.js';

/** One holder at a time, and only the holder's own lease ends or prolongs it. */
export const coreProperties: readonly LockProperty[] = [
  {
    id: 'core/second-attempt-names-the-holder',
    title: 'a second attempt is refused, with the holder and the time until asking again makes sense',
    async run({ store, peer }) {
      const key = randomKey();
      const held = await take(store, key, { ownerId: 'first', sessionId: 's1', ttlMs: 20_000 });
      for (const other of [store, await peer()]) {
        const refusal = await refuse(other, key, { ownerId: 'second' });
        const [holder, ...others] = refusal.holders;
        assert.equal(others.length, 0);
        assert.equal(holder?.leaseId, held.leaseId);
        assert.equal(holder?.ownerId, 'first');
        assert.equal(holder?.sessionId, 's1');
        assert.equal(holder?.fencingToken, held.fencingToken);
        const longestMs = 20_000 + store.capabilities.expirySlackMs(20_000);
        assert.ok(
          refusal.retryAfterMs > 0 && refusal.retryAfterMs <= longestMs,
          `retry after ${refusal.retryAfterMs} ms`,
        );
        assert.ok(holder.expiresAtMs - holder.acquiredAtMs <= longestMs + 1, 'the lease ends within its ttl and slack');
        assert.ok(holder.expiresAtMs - holder.acquiredAtMs >= 20_000 - 1, 'the lease lasts its ttl');
      }
    },
  },
  {
    id: 'core/keys-are-independent',
    title: 'a held key keeps nobody from another',
    async run({ store }) {
      const keys = Array.from({ length: 20 }, () => randomKey());
      const held = await Promise.all(keys.map((key) => take(store, key)));
      await giveBack(store, held[0] as (typeof held)[number]);
      await take(store, keys[0] as string);
      for (const key of keys) await refuse(store, key);
    },
  },
  {
    id: 'core/released-is-free',
    title: 'a released key is granted to the next attempt, a hundred times over, from either instance',
    async run({ store, peer }) {
      const key = randomKey();
      const stores = [store, await peer()] as const;
      for (let round = 0; round < 100; round++) {
        const own = stores[round % 2] as typeof store;
        await giveBack(own, await take(own, key));
      }
      await assertHolders(store, key, []);
    },
  },
  {
    id: 'core/stranger-cannot-release',
    title: 'a release by a lease id or token that does not hold the key changes nothing',
    async run({ store, peer }) {
      const key = randomKey();
      const held = await take(store, key);
      const stranger = { ...held, leaseId: randomKey('stranger') };
      const wrongToken = { ...held, fencingToken: held.fencingToken + 1 };
      for (const other of [store, await peer()]) {
        assert.equal((await release(other, stranger)).released, false, 'another lease id');
        assert.equal((await release(other, wrongToken)).released, false, 'another token');
        await assertHolders(other, key, [held]);
      }
      await refuse(store, key);
      await giveBack(store, held);
    },
  },
  {
    id: 'core/stranger-cannot-extend',
    title: 'an extension by a lease id or token that does not hold the key is lost',
    async run({ store, peer }) {
      const key = randomKey();
      const held = await take(store, key);
      for (const other of [store, await peer()]) {
        assert.equal((await extend(other, { ...held, leaseId: randomKey('stranger') }, 60_000)).extended, false);
        assert.equal((await extend(other, { ...held, fencingToken: held.fencingToken + 1 }, 60_000)).extended, false);
      }
      await assertHolders(store, key, [held]);
      assert.deepEqual(await extend(store, held, 30_000), { extended: true });
    },
  },
  {
    id: 'core/release-twice-is-harmless',
    title: 'releasing again says that nothing was released, and leaves the next holder alone',
    async run({ store }) {
      const key = randomKey();
      const first = await take(store, key);
      await giveBack(store, first);
      const again = await release(store, first);
      assert.equal(again.released, false);
      assert.ok(again.reason, 'a reason comes with released: false');
      const second = await take(store, key);
      assert.equal((await release(store, first)).released, false);
      await assertHolders(store, key, [second]);
    },
  },
  {
    id: 'core/acquire-again-is-the-same-lease',
    title: 'acquiring with a lease id that holds is success with the same tokens',
    async run({ store }) {
      const key = randomKey();
      const asked = request(key, { tokens: 3 });
      const first = await store.acquire(asked);
      const again = await store.acquire(asked);
      assert.ok(first.acquired && again.acquired, 'both attempts are granted');
      assert.deepEqual(again, first);
      const state = await store.inspect(key);
      assert.equal(state?.holders.length, 1, 'one lease, not two');
    },
  },
  {
    id: 'core/refused-leaves-nothing',
    title: 'an attempt that was refused and does not wait gets no lease later',
    async run({ store, peer }) {
      const key = randomKey();
      const held = await take(store, key);
      for (const other of [store, await peer()]) await refuse(other, key);
      await giveBack(store, held);
      await assertHolders(store, key, []);
      await take(store, key);
    },
  },
  {
    id: 'core/batches-answer-in-order',
    title: 'a batch of extensions or releases answers each request by itself, in order',
    async run({ store }) {
      const keys = ['a', 'b', 'c'].map((hint) => randomKey(hint));
      const held = await Promise.all(keys.map((key) => take(store, key)));
      const [a, b, c] = held as [(typeof held)[0], (typeof held)[0], (typeof held)[0]];
      await giveBack(store, b);
      const extended = await store.extend(held.map((each) => ({ ...each, ttlMs: 30_000 })));
      assert.deepEqual(
        extended.map((reply) => reply.extended),
        [true, false, true],
      );
      const released = await store.release([b, c, a]);
      assert.deepEqual(
        released.map((reply) => reply.released),
        [false, true, true],
      );
      for (const key of keys) await assertHolders(store, key, []);
    },
  },
  {
    id: 'core/close-twice-is-harmless',
    title: 'a store closes twice, and a peer that closes takes nobody else down',
    async run({ store, peer }) {
      const other = await peer();
      const held = await take(store, randomKey());
      if (other !== store) {
        await other.close();
        await other.close();
        await assertHolders(store, held.key, [held]);
        await giveBack(store, held);
      }
      await store.close();
      await store.close();
    },
  },
];
