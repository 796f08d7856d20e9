import assert from 'node:assert/strict';
import { skipReason, startRedisCluster, startRedisSentinel, until } from '@headgate/test-servers';
import { Cluster, Redis } from 'ioredis';
import { describe, it } from 'vitest';
import { redisLockStore } from '../src/lock-store.js';
import { isStoreError, recovered, take, type TakenLease } from './asking.js';
import { clientOf, quiet } from './client-kinds.js';
import { nodesOf } from './fixtures.js';
import type { LockStore } from '@headgate/core';
import type { TestServer } from '@headgate/test-servers';

const waitReplicas = { count: 1, timeoutMs: 1_000 };
const tooFew = (error: unknown): boolean =>
  isStoreError('connection')(error) && /NOREPLICAS 0 of 1 replicas confirmed/.test(String(error));

/** Takes a lock as soon as a replica keeps up: a master counts one from its first acknowledgement on, which comes within a second. */
async function taken(store: LockStore, key: string): Promise<TakenLease> {
  const leases: TakenLease[] = [];
  await recovered(async () => leases.push(await take(store, key)), isStoreError('connection'));
  return leases[0] as TakenLease;
}

/** The locks of which a server has records. */
async function locksOn(server: TestServer): Promise<readonly string[]> {
  const admin = clientOf(server.url);
  const records = await admin.keys('*:l:*');
  admin.disconnect();
  return records.map((record) => record.slice(record.indexOf(':l:') + 3)).sort();
}

describe.skipIf(skipReason('redis') !== undefined)('a lock store that waits for replicas', () => {
  it('through Sentinel: a lease is on the replica when it is granted, and none is granted without one', async () => {
    await using redis = await startRedisSentinel();
    const [master, replica] = redis.nodes as [TestServer, TestServer];
    const sentinels = [{ host: redis.sentinel.host, port: redis.sentinel.port }];
    const client = quiet(new Redis({ sentinels, name: redis.group, lazyConnect: true, retryStrategy: () => 50 }));
    const store = redisLockStore({ client, waitReplicas });
    const first = await taken(store, 'first');
    assert.deepEqual(await locksOn(replica), ['first']);

    await replica.pause();
    await assert.rejects(take(store, 'second'), tooFew);
    assert.equal(await store.inspect('second'), null);
    assert.deepEqual(await store.extend([{ ...first, ttlMs: 60_000 }]), [{ extended: true }]);
    await replica.resume();
    await taken(store, 'second');

    await master.kill();
    await until(async () => (await redis.master()) === replica, { timeoutMs: 20_000, what: 'the failover' });
    await recovered(() => store.inspect('first'), isStoreError('connection'));
    assert.equal((await store.inspect('first'))?.fencingToken, first.fencingToken);
    await assert.rejects(take(store, 'third'), tooFew);
    assert.equal(await store.inspect('third'), null);
    await store.close();
    client.disconnect();
  });

  it('in a Cluster: a master whose replica is away grants nothing, and the others go on', async () => {
    await using cluster = await startRedisCluster({ masters: 3, replicas: 1 });
    const client = quiet(new Cluster(nodesOf(cluster.url), { lazyConnect: true }));
    const store = redisLockStore({ client, waitReplicas });
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    await store.release(await Promise.all(keys.map((key) => taken(store, key))));

    const replica = cluster.nodes[5] as TestServer;
    const theirs = await locksOn(replica);
    assert.ok(theirs.length > 0 && theirs.length < keys.length, theirs.join());
    await replica.pause();
    const outcomes = await Promise.allSettled(keys.map((key) => take(store, key)));
    const refused = keys.filter((_, i) => outcomes[i]?.status === 'rejected').sort();
    assert.deepEqual(refused, theirs);
    for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(tooFew(outcome.reason));
    for (const key of keys) assert.equal((await store.inspect(key))?.holders.length ?? 0, theirs.includes(key) ? 0 : 1);
    await replica.resume();
    await Promise.all(theirs.map((key) => taken(store, key)));
    await store.close();
    client.disconnect();
  });
});
