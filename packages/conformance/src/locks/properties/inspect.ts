import assert from 'node:assert/strict';
import type { LockState, LockStore } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { collect, extend, giveBack, refuse, request, take } from '../leases.js';
import { inMovedTime, type LockProperty } from './claim.js';

async function listed(store: LockStore, prefix: string): Promise<LockState[]> {
  const states = await collect(store.list({ prefix }));
  return states.sort((one, other) => (one.key < other.key ? -1 : 1));
}

/** What operators are shown is so. */
export const inspectProperties: readonly LockProperty[] = [
  {
    id: 'inspect/shows-what-was-given',
    title: 'owner, session, metadata, mode and token come back as given, to inspect, list and those refused',
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const metadata = { path: 'src/app.ts', 'naïve key': '🔒 "quoted"\n', empty: '', constructor: 'x' };
      const held = await take(store, key, { ownerId: 'host:1', sessionId: 'worker-7', metadata, tokens: 3 });
      const [shown] = await listed(other, key);
      const [refusedBy] = (await refuse(other, key)).holders;
      const state = await other.inspect(key);
      assert.equal(state?.key, key);
      assert.equal(state.mode, 'exclusive');
      assert.ok(state.fencingToken >= held.lastToken, 'the highest token issued is shown');
      for (const holder of [state.holders[0], shown?.holders[0], refusedBy]) {
        assert.equal(holder?.leaseId, held.leaseId);
        assert.equal(holder.ownerId, 'host:1');
        assert.equal(holder.sessionId, 'worker-7');
        assert.deepEqual({ ...holder.metadata }, metadata);
        assert.equal(holder.fencingToken, held.fencingToken);
        assert.ok(holder.acquiredAtMs < holder.expiresAtMs);
      }
    },
  },
  {
    id: 'inspect/absent-parts-are-absent',
    title: 'a lease without session or metadata is shown without them',
    async run({ store }) {
      const key = randomKey();
      await take(store, key);
      const holder = (await store.inspect(key))?.holders[0];
      assert.equal(holder?.sessionId, undefined);
      assert.deepEqual({ ...holder?.metadata }, {});
    },
  },
  {
    id: 'inspect/list-never-shows-what-was-released',
    title: 'a listing shows every held key under its prefix once, and none that was released before it began',
    async run({ store, peer }) {
      const prefix = `${randomKey()}:`;
      const other = await peer();
      const held = [];
      for (let each = 0; each < 30; each++) held.push(await take(each % 2 ? other : store, `${prefix}${each}`));
      for (const [index, each] of held.entries()) if (index % 3 === 0) await giveBack(index % 2 ? other : store, each);
      const kept = held.filter((_, index) => index % 3 !== 0).map((each) => each.key);
      for (const own of [store, other]) {
        assert.deepEqual(
          (await listed(own, prefix)).map((state) => state.key),
          [...kept].sort(),
        );
      }
    },
  },
  {
    id: 'inspect/list-takes-its-prefix-literally',
    title: 'the prefix of a listing is compared to the byte: no wildcards, no folding',
    async run({ store }) {
      const root = randomKey();
      const inside = [`${root}:%a`, `${root}:%b`];
      for (const key of [...inside, `${root}:xa`, `${root.toUpperCase()}:%a`, `x${root}:%a`]) await take(store, key);
      assert.deepEqual(
        (await listed(store, `${root}:%`)).map((state) => state.key),
        inside,
      );
    },
  },
  inMovedTime({
    id: 'inspect/expired-is-not-shown',
    title: 'neither inspect nor list shows a lease whose ttl and slack have passed',
    async run(test) {
      const key = randomKey();
      await take(test.store, key, { ttlMs: test.shortMs, sessionId: 's' });
      await test.outlive(test.shortMs);
      assert.equal(await test.store.inspect(key), null);
      assert.deepEqual(await listed(test.store, key), []);
    },
  }),
  inMovedTime({
    id: 'inspect/expiry-follows-extension',
    title: 'the shown end of a lease moves with its extension, and the time it was taken does not',
    async run(test) {
      const held = await take(test.store, randomKey(), { ttlMs: 20_000 });
      const before = (await test.store.inspect(held.key))?.holders[0];
      await test.pass(test.clock ? 5_000 : 50);
      assert.deepEqual(await extend(test.store, held, 60_000), { extended: true });
      const after = (await test.store.inspect(held.key))?.holders[0];
      assert.ok(before && after);
      assert.equal(after.acquiredAtMs, before.acquiredAtMs);
      assert.ok(after.expiresAtMs >= before.expiresAtMs + 39_000, `${before.expiresAtMs} -> ${after.expiresAtMs}`);
    },
  }),
  {
    id: 'inspect/extension-refreshes-the-holder',
    title: 'an extension that names another holder in this process is what inspect shows from then on',
    async run({ store, peer }) {
      const held = await take(store, randomKey(), { ownerId: 'first', metadata: { job: '1' }, tokens: 4 });
      const holder = { ownerId: 'second', fencingToken: held.fencingToken + 2, metadata: { job: '2' } };
      const [reply] = await store.extend([{ ...held, ttlMs: 30_000, holder }]);
      assert.deepEqual(reply, { extended: true });
      const shown = (await (await peer()).inspect(held.key))?.holders[0];
      assert.equal(shown?.ownerId, 'second');
      assert.equal(shown.fencingToken, held.fencingToken + 2);
      assert.deepEqual({ ...shown.metadata }, { job: '2' });
      assert.deepEqual(
        await extend(store, held, 30_000),
        { extended: true },
        'the block is still named by its first token',
      );
      await giveBack(store, held);
    },
  },
  {
    id: 'inspect/counts-waiters',
    title: 'inspect counts the waiters of a fair queue',
    unless: ({ store }) => (store.capabilities.fairQueue ? undefined : 'the store keeps no fair queue'),
    async run({ store, peer }) {
      const key = randomKey();
      await take(store, key);
      for (const own of [store, await peer(), store]) await own.acquire(request(key, { waiter: { ttlMs: 30_000 } }));
      assert.equal((await store.inspect(key))?.waiting, 3);
    },
  },
];
