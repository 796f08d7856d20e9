import assert from 'node:assert/strict';
import { skipReason, startRedisCluster, until } from '@headgate/test-servers';
import { Cluster, Redis } from 'ioredis';
import { describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { answerOf, isStoreError, limits, spent } from './asking.js';
import { nodesOf } from './fixtures.js';

describe.skipIf(skipReason('redis-cluster') !== undefined)('a cluster that loses a master', () => {
  it('fails only the keys of that master, each with a StoreError, until its replica takes over', async () => {
    // The replica takes over when it is told to, and the other masters go on without the slots that are missing, however long this test is kept from running.
    const patient = ['--cluster-replica-no-failover', 'yes', '--cluster-require-full-coverage', 'no'];
    await using cluster = await startRedisCluster({ masters: 3, replicas: 1, args: patient });
    const client = new Cluster(nodesOf(cluster.url), { lazyConnect: true });
    client.on('error', () => {});
    const store = redisLimiterStore({ client });
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
    const all = () =>
      store.decide(
        keys.map((key) => ({ key, limits, ops: [{ kind: 'consume' as const, cost: 1 }] })),
        {},
      );
    for (const result of await all()) answerOf(result);
    await cluster.nodes[0]?.kill();
    const hurt = await all();
    const failed = hurt.filter((result) => 'error' in result);
    assert.ok(failed.length > 0 && failed.length < keys.length, `${failed.length} of ${keys.length} failed`);
    for (const result of failed) if ('error' in result) isStoreError('connection')(result.error);
    for (const node of cluster.nodes.slice(1)) {
      const admin = new Redis(node.url);
      await admin.config('SET', 'cluster-replica-no-failover', 'no');
      await admin.config('SET', 'cluster-node-timeout', '1000');
      admin.disconnect();
    }
    let rounds = 2;
    await until(
      async () => {
        rounds++;
        return (await all()).every((result) => !('error' in result));
      },
      { timeoutMs: 25_000, what: 'every key to be answered again' },
    );
    for (const key of keys) {
      const counted = await spent(store, key);
      assert.ok(counted >= 1 && counted <= rounds, `${key} counted ${counted} in ${rounds} rounds`);
    }
    await store.close();
    client.disconnect();
  });
});
