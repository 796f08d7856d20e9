import assert from 'node:assert/strict';
import { sharedServer, skipReason, startRedis } from '@headgate/test-servers';
import { Cluster, Redis } from 'ioredis';
import { describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { ask, isStoreError, recovered, request, spent, take } from './asking.js';
import { quiet } from './client-kinds.js';
import { nodesOf } from './fixtures.js';

// What the README says and no other test here or in the conformance suite shows.
describe.skipIf(skipReason('redis') !== undefined)('the README', () => {
  it('a client whose retry strategy gave up is asked again by the next call', async () => {
    await using server = await startRedis();
    const client = quiet(new Redis(server.url, { retryStrategy: () => null }));
    const [store, lockStore] = [redisLimiterStore({ client }), redisLockStore({ client })];
    await ask(store, 'k');
    await take(lockStore, 'k');
    await server.kill();
    await assert.rejects(ask(store, 'k'), isStoreError('connection'));
    await assert.rejects(take(lockStore, 'k2'), isStoreError('connection'));
    await server.restart();
    await recovered(() => ask(store, 'k'), isStoreError('connection'));
    await recovered(() => take(lockStore, 'k3'), isStoreError('connection'));
    await Promise.all([store.close(), lockStore.close()]);
    client.disconnect();
  });

  it('operations of one turn of the event loop share a call; a session is listed or released in two', async () => {
    await using server = await startRedis();
    const [client, admin] = [quiet(new Redis(server.url)), quiet(new Redis(server.url))];
    const store = redisLockStore({ client });
    await take(store, 'first'); // loads the script and asks for the eviction policy
    // Commands that come from a client; those inside a script are counted under their own names.
    const requests = async (): Promise<number> => {
      const stats = await admin.info('commandstats');
      return [...stats.matchAll(/^cmdstat_(?:eval|evalsha|.scan):calls=(\d+)/gm)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    };
    const cost = async (work: () => Promise<unknown>): Promise<number> => {
      const before = await requests();
      await work();
      return (await requests()) - before;
    };
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    assert.equal(await cost(() => Promise.all(keys.map((key) => take(store, key, { sessionId: 's' })))), 1);
    const listed: string[] = [];
    const list = async (): Promise<void> => {
      for await (const { key } of store.list({ prefix: '', sessionId: 's' })) listed.push(key);
    };
    assert.equal(await cost(list), 2);
    assert.deepEqual(listed.sort(), [...keys].sort());
    assert.equal(await cost(() => store.releaseSession({ prefix: '', sessionId: 's' })), 2);
    await store.close();
    client.disconnect();
    admin.disconnect();
  });

  it('a waiter that was handed the lock and is gone costs the next one `claimMs`', async () => {
    const client = quiet(new Redis((await sharedServer('redis')).url));
    const store = redisLockStore({ client, prefix: `claims-${Math.random()}`, claimMs: 300 });
    const held = await take(store, 'k');
    const [gone, next] = [request('k', { waiter: { ttlMs: 30_000 } }), request('k', { waiter: { ttlMs: 30_000 } })];
    for (const waiter of [gone, next]) assert.equal((await store.acquire(waiter)).acquired, false);
    const releasedMs = performance.now();
    await store.release([held]);
    await recovered(
      async () => assert.ok((await store.acquire(next)).acquired),
      (error) => assert.ok(error instanceof assert.AssertionError, String(error)),
    );
    const waitedMs = performance.now() - releasedMs;
    // The server's clock began before ours; 1 ms is the grain of its own.
    assert.ok(waitedMs > 290 && waitedMs < 3_000, `${waitedMs} ms`);
    await store.close();
    client.disconnect();
  });

  it('a key’s last token is remembered for `fenceTtlMs` after its last lease, and then the key is gone', async () => {
    const client = quiet(new Redis((await sharedServer('redis')).url));
    const prefix = `fence-${Math.random()}`;
    const store = redisLockStore({ client, prefix, buckets: 1, fenceTtlMs: 60_000 });
    await store.release([await take(store, 'k')]);
    const leftMs = await client.pttl(`${prefix}:{0}:l:k`);
    // A record that is written over in place keeps the time of its lease on top of that.
    assert.ok(leftMs > 50_000 && leftMs <= 70_000, `${leftMs} ms`);
    await take(store, 'held', { ttlMs: 120_000 });
    assert.ok((await client.pttl(`${prefix}:{0}:l:held`)) > 110_000);
    for (const key of await client.keys(`${prefix}*`)) assert.ok((await client.pttl(key)) > 0, `${key} never expires`);
    await store.close();
    client.disconnect();
  });

  it.skipIf(skipReason('redis-cluster') !== undefined)(
    'data of a standalone server may move to a Cluster as it is',
    async () => {
      const single = quiet(new Redis((await sharedServer('redis')).url));
      const cluster = quiet(new Cluster(nodesOf((await sharedServer('redis-cluster')).url)));
      const prefix = `move-${Math.random()}`;
      const [limits, locks] = [
        redisLimiterStore({ client: single, prefix }),
        redisLockStore({ client: single, prefix }),
      ];
      const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
      for (const key of keys) await ask(limits, key);
      const held = await Promise.all(keys.map((key) => take(locks, key, { sessionId: 's', ttlMs: 60_000 })));
      for (const key of await single.keys(`${prefix}*`)) {
        const [dump, ttlMs] = [await single.dumpBuffer(key), await single.pttl(key)];
        await cluster.restore(key, ttlMs, dump as Buffer);
      }
      const [newLimits, newLocks] = [
        redisLimiterStore({ client: cluster, prefix }),
        redisLockStore({ client: cluster, prefix }),
      ];
      for (const key of keys) assert.equal(await spent(newLimits, key), 1);
      for (const key of keys) assert.equal((await newLocks.acquire(request(key))).acquired, false);
      const extended = await newLocks.extend(held.map((lease) => ({ ...lease, ttlMs: 60_000 })));
      assert.ok(extended.every((reply) => reply.extended));
      const { released } = await newLocks.releaseSession({ prefix: '', sessionId: 's' });
      assert.deepEqual([...released].sort(), [...keys].sort());
      for (const lease of held) assert.ok((await take(newLocks, lease.key)).fencingToken > lease.fencingToken);
      await Promise.all([limits, locks, newLimits, newLocks].map((store) => store.close()));
      single.disconnect();
      cluster.disconnect();
    },
  );
});
