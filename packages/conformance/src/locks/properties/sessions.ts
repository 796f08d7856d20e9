import assert from 'node:assert/strict';
import type { LockStore } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { until } from '../until.js';
import { assertHolders, collect, extend, giveBack, release, take, type Held } from '../leases.js';
import { type LockProperty, needsShared } from './claim.js';

async function keysOf(store: LockStore, prefix: string, sessionId?: string): Promise<string[]> {
  const states = await collect(store.list({ prefix, ...(sessionId === undefined ? {} : { sessionId }) }));
  return states.map((state) => state.key).sort();
}

// A cooperative store has told the holders' processes, which are alive here, and they answer in their own time.
async function freed(store: LockStore, held: readonly Held[]): Promise<void> {
  for (const { key, leaseId } of held) {
    const gone = async (): Promise<boolean> =>
      !(await store.inspect(key))?.holders.some((holder) => holder.leaseId === leaseId);
    await until(gone, { timeoutMs: 3_000, what: `${key} to be freed` });
  }
}

/** A session's leases are released together, from anywhere, and nobody else's with them. */
export const sessionProperties: readonly LockProperty[] = [
  {
    id: 'sessions/releases-exactly-its-own',
    title: 'releasing a session frees its leases of every instance, and no lease of another session or of none',
    async run({ store, peer }) {
      const prefix = `${randomKey()}:`;
      const sessionId = randomKey('s');
      const other = await peer();
      const own = [
        await take(store, `${prefix}a`, { sessionId }),
        await take(other, `${prefix}b`, { sessionId }),
        await take(store, `${prefix}c`, { sessionId, tokens: 4 }),
      ];
      const others = [
        await take(store, `${prefix}d`, { sessionId: `${sessionId}x` }),
        await take(other, `${prefix}e`, { sessionId: sessionId.slice(0, -1) }),
        await take(store, `${prefix}f`, { sessionId: sessionId.toUpperCase() }),
        await take(store, `${prefix}g`),
      ];
      const { released, pending } = await other.releaseSession({ prefix, sessionId });
      assert.deepEqual([...released, ...pending].sort(), own.map((each) => each.key).sort());
      if (store.capabilities.remoteRelease === 'immediate') assert.deepEqual(pending, []);
      await freed(store, own);
      for (const each of own) assert.equal((await extend(store, each, 30_000)).extended, false);
      for (const each of others) await assertHolders(store, each.key, [each]);
      assert.deepEqual(await other.releaseSession({ prefix, sessionId }), { released: [], pending: [] });
    },
  },
  {
    id: 'sessions/stays-within-its-prefix',
    title: 'releasing a session leaves its leases on keys of another prefix, wildcards taken literally',
    async run({ store }) {
      const root = randomKey();
      const sessionId = randomKey('s');
      const inside = await take(store, `${root}%_*:a`, { sessionId });
      const outside = [
        await take(store, `${root}xyz:a`, { sessionId }),
        await take(store, `other-${root}%_*:a`, { sessionId }),
      ];
      const { released, pending } = await store.releaseSession({ prefix: `${root}%_*:`, sessionId });
      assert.deepEqual([...released, ...pending], [inside.key]);
      await freed(store, [inside]);
      for (const each of outside) await assertHolders(store, each.key, [each]);
    },
  },
  {
    id: 'sessions/leaves-what-others-took-since',
    title: 'a session release takes no lease that another session took after the session gave the key back',
    async run({ store, peer }) {
      const prefix = `${randomKey()}:`;
      const sessionId = randomKey('s');
      const other = await peer();
      const before = await take(store, `${prefix}a`, { sessionId });
      await giveBack(store, before);
      const since = await take(other, `${prefix}a`, { sessionId: randomKey('t') });
      assert.deepEqual(await store.releaseSession({ prefix, sessionId }), { released: [], pending: [] });
      await assertHolders(store, since.key, [since]);
      await giveBack(other, since);
    },
  },
  {
    id: 'sessions/a-key-taken-afterwards-stays',
    title: 'a session may go on after its release: what it acquires then stays',
    async run({ store }) {
      const prefix = `${randomKey()}:`;
      const sessionId = randomKey('s');
      const first = await take(store, `${prefix}a`, { sessionId });
      await store.releaseSession({ prefix, sessionId });
      await freed(store, [first]);
      const again = await take(store, `${prefix}a`, { sessionId });
      assert.ok(again.fencingToken > first.lastToken, 'its token is above the released one');
      assert.equal((await release(store, first)).released, false, 'the released lease releases nothing');
      await assertHolders(store, again.key, [again]);
    },
  },
  {
    id: 'sessions/list-shows-its-own',
    title: 'listing a session shows the keys it holds, and no others; an id with wildcards is taken literally',
    async run({ store }) {
      const prefix = `${randomKey()}:`;
      const sessionId = `${randomKey('s')}%`;
      await take(store, `${prefix}a`, { sessionId });
      const given = await take(store, `${prefix}b`, { sessionId });
      await take(store, `${prefix}c`, { sessionId: `${sessionId}z` });
      await take(store, `${prefix}d`);
      assert.deepEqual(await keysOf(store, prefix, sessionId), [`${prefix}a`, `${prefix}b`]);
      await giveBack(store, given);
      assert.deepEqual(await keysOf(store, prefix, sessionId), [`${prefix}a`]);
      assert.deepEqual(await keysOf(store, prefix, randomKey('nobody')), []);
    },
  },
  {
    id: 'sessions/shared-key-keeps-the-others',
    title: 'releasing a session that shares a key with others takes only its own lease',
    unless: needsShared,
    async run({ store, peer }) {
      const key = randomKey();
      const sessionId = randomKey('s');
      const other = await peer();
      const own = await take(store, key, { mode: 'shared', sessionId });
      const stranger = await take(other, key, { mode: 'shared', sessionId: randomKey('t') });
      await store.releaseSession({ prefix: key, sessionId });
      await freed(store, [own]);
      await assertHolders(store, key, [stranger]);
    },
  },
];
