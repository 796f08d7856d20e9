import assert from 'node:assert/strict';
import type { AcquireReply, LockStore } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { assertHolders, giveBack, heldBy, refuse, ref, release, request, take } from '../leases.js';
import { inMovedTime, type LockProperty, needsFairQueue, needsShared } from './claim.js';

const waiting = { waiter: { ttlMs: 30_000 } } as const;

async function granted(store: LockStore, asked: ReturnType<typeof request>): Promise<boolean> {
  const reply: AcquireReply = await store.acquire(asked);
  return reply.acquired;
}

/** Waiters leave nothing behind, and stores that claim a fair queue keep one. */
export const queueProperties: readonly LockProperty[] = [
  {
    id: 'queue/cancelled-waiter-is-gone',
    title: 'a waiter that is cancelled holds nothing later and stands in nobody’s way; cancelling twice is harmless',
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const held = await take(store, key);
      const asked = request(key, waiting);
      assert.equal(await granted(other, asked), false);
      await other.cancelWait(ref(asked));
      await other.cancelWait(ref(asked));
      assert.equal((await store.inspect(key))?.waiting ?? 0, 0, 'nobody waits');
      await giveBack(store, held);
      await assertHolders(store, key, []);
      await take(store, key);
    },
  },
  {
    id: 'queue/cancelling-a-granted-wait-frees-the-lease',
    title: 'a wait that is cancelled after it was granted leaves the key free',
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const held = await take(store, key);
      const asked = request(key, waiting);
      assert.equal(await granted(other, asked), false);
      await giveBack(store, held);
      assert.equal(await granted(other, asked), true, 'the waiter is granted the freed key');
      await other.cancelWait(ref(asked));
      await assertHolders(store, key, []);
      await take(store, key);
    },
  },
  {
    id: 'queue/cancelling-what-never-waited-changes-nothing',
    title: 'cancelling a wait that never was leaves holders alone',
    async run({ store }) {
      const held = await take(store, randomKey());
      await store.cancelWait({ ...ref(held), leaseId: randomKey('lease') });
      await assertHolders(store, held.key, [held]);
    },
  },
  {
    id: 'queue/first-come-first-served',
    title:
      'waiters of two instances are granted in the order in which they first asked, whoever asks first after a release',
    unless: needsFairQueue,
    async run({ store, peer }) {
      const key = randomKey();
      const stores = [store, await peer()] as const;
      const of = (index: number): LockStore => stores[index % 2] as LockStore;
      let held = await take(store, key);
      let holder = 0;
      const queue = Array.from({ length: 6 }, (_, index) => ({ index, asked: request(key, waiting) }));
      for (const { index, asked } of queue) assert.equal(await granted(of(index), asked), false);
      for (const { index, asked } of queue) {
        await giveBack(of(holder), held);
        for (let last = queue.length - 1; last > index; last--) {
          const later = queue[last] as (typeof queue)[number];
          assert.equal(await granted(of(later.index), later.asked), false, `${later.index} got in before ${index}`);
        }
        held = heldBy(asked, await of(index).acquire(asked));
        holder = index;
      }
    },
  },
  {
    id: 'queue/newcomer-stays-behind',
    title: 'a newcomer is refused while somebody waits, even when the key is free at that moment',
    unless: needsFairQueue,
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const held = await take(store, key);
      const asked = request(key, waiting);
      assert.equal(await granted(other, asked), false);
      await giveBack(store, held);
      await refuse(store, key);
      assert.equal(await granted(other, asked), true);
    },
  },
  inMovedTime({
    id: 'queue/dead-waiter-is-skipped',
    title: 'a waiter that stopped asking is skipped as soon as its entry has run out',
    unless: needsFairQueue,
    async run(test) {
      const { store } = test;
      const key = randomKey();
      const held = await take(store, key);
      const ttlMs = test.shortMs;
      const dead = request(key, { ttlMs, waiter: { ttlMs } });
      assert.equal(await granted(store, dead), false);
      await test.outlive(ttlMs);
      const alive = request(key, { waiter: { ttlMs: 120_000 } });
      assert.equal(await granted(store, alive), false);
      await giveBack(store, held);
      assert.equal(await granted(store, alive), true, 'the dead waiter is in the way');
    },
  }),
  {
    id: 'queue/waiting-writer-keeps-new-readers-behind',
    title: 'a reader that comes after a waiting writer waits, and gets in after it',
    unless: (test) => needsShared(test) ?? needsFairQueue(test),
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const reader = await take(store, key, { mode: 'shared' });
      const writer = request(key, waiting);
      assert.equal(await granted(other, writer), false);
      await refuse(store, key, { mode: 'shared' });
      const late = request(key, { mode: 'shared', ...waiting });
      assert.equal(await granted(store, late), false, 'a new reader got in before the writer');
      await giveBack(store, reader);
      const written = heldBy(writer, await other.acquire(writer));
      assert.equal(await granted(store, late), false, 'a reader got in beside the writer');
      await giveBack(other, written);
      assert.equal(await granted(store, late), true);
    },
  },
  {
    id: 'queue/next-comes-after-the-release',
    title: 'a release with a next waiter frees the lease, and serves the waiter as an attempt of its own would be',
    async run({ store }) {
      const key = randomKey();
      const first = await take(store, key);
      const next = request(key, { ...waiting, tokens: 2 });
      const reply = await release(store, first, next);
      assert.equal(reply.released, true);
      const second = heldBy(next, reply.next ?? (await store.acquire(next)));
      assert.ok(second.fencingToken > first.lastToken, 'its token is above the released ones');
      await assertHolders(store, key, [second]);
      await giveBack(store, second);
    },
  },
  {
    id: 'queue/next-stays-behind-those-who-queued',
    title: 'the next waiter that comes with a release stays behind the waiters of other instances',
    unless: needsFairQueue,
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const first = await take(store, key);
      const earlier = request(key, waiting);
      assert.equal(await granted(other, earlier), false);
      const next = request(key, waiting);
      const reply = await release(store, first, next);
      assert.equal(reply.released, true);
      assert.ok(!reply.next?.acquired, 'it overtook a waiter');
      if (!reply.next) assert.equal(await granted(store, next), false);
      const second = heldBy(earlier, await other.acquire(earlier));
      await giveBack(other, second);
      assert.equal(await granted(store, next), true);
    },
  },
  {
    id: 'queue/next-with-a-stale-release-takes-nothing-from-others',
    title: 'a next waiter that comes with a release of nothing does not get in beside the holder',
    async run({ store, peer }) {
      const key = randomKey();
      const gone = await take(store, key);
      await giveBack(store, gone);
      const held = await take(await peer(), key);
      const reply = await release(store, gone, request(key));
      assert.equal(reply.released, false);
      assert.ok(!reply.next?.acquired, 'two hold the key');
      await assertHolders(store, key, [held]);
    },
  },
];
