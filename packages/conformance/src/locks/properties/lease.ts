import assert from 'node:assert/strict';
import { randomKey } from '../../suite/random.js';
import { assertFreedInTime, timed } from '../expiry.js';
import { assertHolders, extend, giveBack, refuse, release, request, take } from '../leases.js';
import { inMovedTime, type LockProperty } from './claim.js';

const claims: readonly LockProperty[] = [
  {
    id: 'lease/free-at-ttl-not-before',
    title: 'an abandoned lease keeps others out for its ttl, and not past the declared slack',
    async run(test) {
      const key = randomKey();
      const ttlMs = test.shortMs;
      const taken = await timed(test, () => take(test.store, key, { ttlMs }));
      await assertFreedInTime(test, await test.peer(), key, taken, ttlMs);
    },
  },
  {
    id: 'lease/odd-ttl-is-kept-to-the-millisecond',
    title: 'a ttl of 1,700 ms is not rounded to seconds beyond the declared slack',
    async run(test) {
      const key = randomKey();
      const taken = await timed(test, () => take(test.store, key, { ttlMs: 1_700 }));
      await assertFreedInTime(test, test.store, key, taken, 1_700);
    },
  },
  {
    id: 'lease/extension-counts-from-now',
    title: 'an extension sets the end to its ttl from now: neither added to what was left nor measured from the start',
    async run(test) {
      const ttlMs = test.shortMs;
      for (;;) {
        const { value: held, sentMs } = await timed(test, () => take(test.store, randomKey(), { ttlMs }));
        await test.pass(ttlMs / 2);
        await extend(test.store, held, ttlMs);
        const last = await timed(test, () => extend(test.store, held, ttlMs));
        // The machine stood still until the lease was over.
        if (!last.value.extended && last.returnedMs >= sentMs + ttlMs) continue;
        assert.deepEqual(last.value, { extended: true });
        return void (await assertFreedInTime(test, test.store, held.key, last, ttlMs));
      }
    },
  },
  {
    id: 'lease/extension-may-shorten',
    title:
      'an extension with a shorter ttl ends the lease after that ttl, though the one before it would have lasted longer',
    async run(test) {
      const key = randomKey();
      const held = await take(test.store, key, { ttlMs: 20 * test.shortMs });
      const last = await timed(test, () => extend(test.store, held, test.shortMs));
      assert.deepEqual(last.value, { extended: true });
      await assertFreedInTime(test, await test.peer(), key, last, test.shortMs);
    },
  },
  {
    id: 'lease/acquire-again-renews',
    title: 'acquiring again with the lease id that holds gives the lease its full ttl',
    async run(test) {
      const key = randomKey();
      const asked = request(key, { ttlMs: test.shortMs });
      await test.store.acquire(asked);
      await test.pass(test.shortMs / 2);
      const again = await timed(test, () => test.store.acquire(asked));
      assert.equal(again.value.acquired, true);
      await assertFreedInTime(test, test.store, key, again, test.shortMs);
    },
  },
  {
    id: 'lease/expired-cannot-be-extended',
    title: 'a lease whose ttl and slack have passed cannot be extended, even if nobody took the key',
    async run(test) {
      const held = await take(test.store, randomKey(), { ttlMs: test.shortMs });
      await test.outlive(test.shortMs);
      assert.equal((await extend(test.store, held, 30_000)).extended, false);
      await assertHolders(test.store, held.key, []);
      await take(test.store, held.key);
    },
  },
  {
    id: 'lease/expired-cannot-be-released',
    title: 'releasing a lease whose ttl and slack have passed says that nothing was released',
    async run(test) {
      const held = await take(test.store, randomKey(), { ttlMs: test.shortMs });
      await test.outlive(test.shortMs);
      assert.equal((await release(test.store, held)).released, false);
    },
  },
  {
    id: 'lease/stale-release-leaves-the-next-holder',
    title: 'a release that comes after the lease expired and another took the key leaves that one in place',
    async run(test) {
      const peer = await test.peer();
      const stale = await take(test.store, randomKey(), { ttlMs: test.shortMs });
      await test.outlive(test.shortMs);
      const next = await take(peer, stale.key);
      assert.equal((await release(test.store, stale)).released, false);
      await assertHolders(peer, stale.key, [next]);
      await refuse(test.store, stale.key);
      await giveBack(peer, next);
    },
  },
  {
    id: 'lease/stale-extension-leaves-the-next-holder',
    title: 'an extension that comes after the lease expired and another took the key is lost and shortens nothing',
    async run(test) {
      const peer = await test.peer();
      const stale = await take(test.store, randomKey(), { ttlMs: test.shortMs });
      await test.outlive(test.shortMs);
      const next = await take(peer, stale.key, { ttlMs: 60_000 });
      assert.equal((await extend(test.store, stale, 1)).extended, false);
      await test.pass(test.clock ? 50_000 : 100);
      await assertHolders(peer, stale.key, [next]);
      assert.deepEqual(await extend(peer, next, 30_000), { extended: true });
    },
  },
  {
    id: 'lease/expired-id-comes-back-as-a-new-lease',
    title: 'acquiring with the id of an expired lease is a new grant with a higher token',
    async run(test) {
      const held = await take(test.store, randomKey(), { ttlMs: test.shortMs });
      await test.outlive(test.shortMs);
      const again = await take(test.store, held.key, { leaseId: held.leaseId });
      assert.ok(again.fencingToken > held.lastToken, `${again.fencingToken} is not above ${held.lastToken}`);
      assert.equal((await extend(test.store, held, 30_000)).extended, false, 'the old token extends nothing');
      assert.equal((await release(test.store, held)).released, false, 'the old token releases nothing');
      await assertHolders(test.store, held.key, [again]);
    },
  },
];

/** A lease lasts its ttl and ends with it; what has ended stays ended. */
export const leaseProperties: readonly LockProperty[] = claims.map(inMovedTime);
