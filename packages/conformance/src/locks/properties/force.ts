import assert from 'node:assert/strict';
import type { LockStore } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { assertHolders, extend, release, take, type Held } from '../leases.js';
import { until } from '../until.js';
import { type LockProperty, needsShared } from './claim.js';

async function gone(store: LockStore, { key, leaseId }: Held): Promise<void> {
  const left = async (): Promise<boolean> =>
    !(await store.inspect(key))?.holders.some((holder) => holder.leaseId === leaseId);
  await until(left, { timeoutMs: 3_000, what: `${key} to be freed by force` });
}

/** An operator can take a lock away, from whom he means. */
export const forceProperties: readonly LockProperty[] = [
  {
    id: 'force/evicts-every-holder',
    title: 'a forced release from another instance evicts the holder, whose extension and release then find nothing',
    async run({ store, peer }) {
      const held = await take(store, randomKey(), { ownerId: 'evicted', sessionId: 's', metadata: { a: 'b' } });
      const forced = await (await peer()).forceRelease(held.key);
      const evicted = [...forced.released, ...forced.pending];
      assert.deepEqual(
        evicted.map((holder) => [holder.leaseId, holder.ownerId]),
        [[held.leaseId, 'evicted']],
      );
      if (store.capabilities.remoteRelease === 'immediate') assert.deepEqual(forced.pending, []);
      assert.deepEqual(forced.collateral, []);
      await gone(store, held);
      assert.equal((await extend(store, held, 30_000)).extended, false);
      assert.equal((await release(store, held)).released, false);
      const next = await take(store, held.key);
      assert.ok(next.fencingToken > forced.fencingToken, `${next.fencingToken} is not above ${forced.fencingToken}`);
    },
  },
  {
    id: 'force/free-key-has-nobody-to-evict',
    title: 'forcing a key that nobody holds evicts nobody and still returns a token',
    async run({ store }) {
      const key = randomKey();
      const forced = await store.forceRelease(key);
      assert.deepEqual([forced.released, forced.pending, forced.collateral], [[], [], []]);
      assert.ok(Number.isSafeInteger(forced.fencingToken) && forced.fencingToken > 0);
      assert.ok((await take(store, key)).fencingToken > forced.fencingToken);
    },
  },
  {
    id: 'force/named-lease-only',
    title: 'a forced release that names a lease evicts that one alone, and nobody when it does not hold the key',
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const before = await take(store, key);
      await release(store, before);
      const held = await take(store, key);
      const missed = await other.forceRelease(key, { leaseId: before.leaseId });
      assert.deepEqual([missed.released, missed.pending], [[], []]);
      await assertHolders(store, key, [held]);
      assert.deepEqual(await extend(store, held, 30_000), { extended: true });
      const hit = await other.forceRelease(key, { leaseId: held.leaseId });
      assert.deepEqual(
        [...hit.released, ...hit.pending].map((holder) => holder.leaseId),
        [held.leaseId],
      );
      await gone(store, held);
    },
  },
  {
    id: 'force/named-reader-only',
    title: 'a forced release that names one of several readers leaves the others',
    unless: needsShared,
    async run({ store }) {
      const key = randomKey();
      const first = await take(store, key, { mode: 'shared' });
      const second = await take(store, key, { mode: 'shared' });
      await store.forceRelease(key, { leaseId: first.leaseId });
      await gone(store, first);
      await assertHolders(store, key, [second]);
      const forced = await store.forceRelease(key);
      assert.deepEqual(
        [...forced.released, ...forced.pending].map((holder) => holder.leaseId),
        [second.leaseId],
      );
    },
  },
];
