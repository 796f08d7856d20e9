import assert from 'node:assert/strict';
import { AcquireTimeoutError, joinKey } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { assertHolders, request, take } from '../leases.js';
import { managerName } from '../lock-test.js';
import { until } from '../until.js';
import type { LockProperty } from './claim.js';

/** Several keys together: all or none. */
export const groupProperties: readonly LockProperty[] = [
  {
    id: 'groups/store-takes-all-or-none',
    title: 'an atomic attempt on several keys takes all of them, or none and names who holds which',
    unless: ({ store }) => (store.capabilities.atomicAcquireAll ? undefined : 'the store takes no keys together'),
    async run({ store, peer }) {
      const [a, b, c] = ['a', 'b', 'c'].map((hint) => randomKey(hint)) as [string, string, string];
      assert.ok(store.acquireAll, 'capabilities promise acquireAll');
      const held = await take(await peer(), b);
      const requests = [a, b, c].map((key) => request(key));
      const refused = await store.acquireAll(requests);
      assert.ok(!refused.acquired);
      assert.deepEqual(
        refused.conflicts.map((each) => [each.key, each.holders[0]?.leaseId]),
        [[b, held.leaseId]],
      );
      await assertHolders(store, a, []);
      await assertHolders(store, c, []);
      await store.release([held]);
      const granted = await store.acquireAll(requests);
      assert.ok(granted.acquired);
      assert.equal(granted.leases.length, 3);
      assert.ok((granted.leases[1]?.fencingToken ?? 0) > held.lastToken, 'tokens rise over group grants too');
      const again = await store.acquireAll(requests);
      assert.deepEqual(again, granted, 'a repeated attempt returns the same tokens');
      for (const key of [a, b, c]) assert.equal((await store.inspect(key))?.holders.length, 1);
    },
  },
  {
    id: 'groups/all-or-none',
    title: 'a group gets all of its keys, or none is left held when one cannot be had in time',
    async run(test) {
      const [a, b] = [randomKey('a'), randomKey('b')];
      const other = test.manager({ store: await test.peer() });
      const locks = test.manager();
      const held = await other.acquire(b);
      await assert.rejects(locks.acquireAll([b, a], { waitMs: 200 }), AcquireTimeoutError);
      const free = async (): Promise<boolean> => (await test.store.inspect(joinKey(managerName, a))) === null;
      await until(free, { what: 'the first key to be given back' });
      await held.release();
      const group = await locks.acquireAll([b, a]);
      group.assertHeld();
      assert.deepEqual(group.locks.map((lock) => lock.key).sort(), [a, b].sort());
      await group.release();
      for (const key of [a, b]) await assertHolders(test.store, joinKey(managerName, key), []);
    },
  },
  {
    id: 'groups/opposite-orders-do-not-deadlock',
    title: 'two that take the same keys in opposite orders, again and again, never deadlock',
    timeoutMs: 60_000,
    async run(test) {
      const keys = [randomKey('a'), randomKey('b'), randomKey('c')];
      const managers = [test.manager(), test.manager({ store: await test.peer() })];
      const untilMs = performance.now() + 3_000;
      let inside = 0;
      await Promise.all(
        managers.map(async (locks, index) => {
          for (let round = 0; round < 100 && performance.now() < untilMs; round++) {
            const group = await locks.acquireAll(index ? [...keys].sort().slice(1) : keys, { waitMs: 15_000 });
            assert.equal(++inside, 1, 'two hold the same keys');
            await new Promise(setImmediate);
            inside -= 1;
            await group.release();
          }
        }),
      );
    },
  },
  {
    id: 'groups/loss-of-one-aborts-the-group',
    title: 'when one lock of a group is lost the group’s signal aborts, and assertHeld throws',
    async run(test) {
      const keys = [randomKey('a'), randomKey('b')];
      const group = await test.manager({ ttlMs: 1_000 }).acquireAll(keys);
      await test.manager({ store: await test.peer() }).forceRelease(keys[1] as string);
      await until(() => group.signal.aborted, { timeoutMs: 1_500, what: 'the group to abort' });
      assert.throws(() => group.assertHeld(), { code: 'HEADGATE_LOCK_LOST' });
      await group.release();
      await until(async () => (await test.store.inspect(joinKey(managerName, keys[0] as string))) === null, {
        what: 'the rest to be freed',
      });
    },
  },
];
