import assert from 'node:assert/strict';
import { createLimiter, createLocks, StoreError, tokenBucket } from '@headgate/core';
import { createFaultProxy, skipReason, startRedisCluster, until } from '@headgate/test-servers';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { answerOf, isStoreError, recovered, spent, step, take } from './asking.js';
import { nodesOf, openClient } from './fixtures.js';
import type { RedisCluster, TestServer } from '@headgate/test-servers';

function open(url: string): Cluster {
  const client = new Cluster(nodesOf(url));
  client.on('error', () => {});
  return client;
}

const keys = Array.from({ length: 48 }, (_, i) => `k${i}`);
const prefix = 'n';
const buckets = 64;

/** The keys whose records lie on a node. */
async function keysOn(node: TestServer, kind: 'r' | 'l', name: string): Promise<readonly string[]> {
  const admin = new Redis(node.url);
  const found = await admin.keys(`${prefix}:*:${kind}:${name}:*`);
  admin.disconnect();
  return found.map((key) => key.slice(key.indexOf(`:${kind}:${name}:`) + name.length + 4));
}

describe.skipIf(skipReason('redis-cluster') !== undefined)('one node of a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    // As it is set where a part of the keys is better than none.
    cluster = await startRedisCluster({ masters: 3, args: ['--cluster-require-full-coverage', 'no'] });
  });
  afterAll(() => cluster.stop());

  it('whose script cache is flushed under load loses no call and counts none twice', async () => {
    const client = open(cluster.url);
    const store = redisLimiterStore({ client, prefix, buckets });
    const lockStore = redisLockStore({ client, prefix, buckets });
    const admin = new Redis((cluster.nodes[0] as TestServer).url);
    const rounds = 10;
    for (let round = 0; round < rounds; round++) {
      const [results, leases] = await Promise.all([
        store.decide(
          keys.map((key) => step(key)),
          {},
        ),
        Promise.all(keys.map((key) => take(lockStore, key))),
        admin.script('FLUSH'),
      ]);
      for (const result of results) answerOf(result);
      const released = await lockStore.release(leases);
      assert.ok(released.every((reply) => reply.released));
    }
    for (const key of keys) assert.equal(await spent(store, key), rounds);
    await Promise.all([store.close(), lockStore.close()]);
    client.disconnect();
    admin.disconnect();
  });

  it.each(['ioredis 6', 'ioredis 5'] as const)(
    'that is reached through a `natMap` is found again by every call when its connection was lost (%s)',
    async (driver) => {
      const proxies = await Promise.all(cluster.nodes.map((node) => createFaultProxy({ target: node })));
      const natMap = Object.fromEntries(
        cluster.nodes.map((node, i) => [`${node.host}:${node.port}`, proxies[i] as (typeof proxies)[0]]),
      );
      const client = openClient(driver, proxies.map(({ host, port }) => `${host}:${port}`).join(), natMap);
      const store = redisLimiterStore({ client, prefix: `nat-${driver.at(-1)}`, buckets });
      const notSentAround = (error: unknown): void => {
        isStoreError('connection')(error);
        assert.doesNotMatch(String(error), /redirections/);
      };
      await spent(store, 'any');
      for (let round = 0; round < 12; round++) {
        proxies[round % 3]?.cut();
        for (const key of keys) await recovered(() => spent(store, key), notSentAround);
      }
      await store.close();
      client.disconnect();
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    },
  );

  it.each(['frozen', 'killed'] as const)(
    'that is %s stalls only its own keys; the others answer as before',
    async (how) => {
      const client = open(cluster.url);
      const store = redisLimiterStore({ client, prefix, buckets, stallTimeoutMs: 2_000 });
      const lockStore = redisLockStore({ client, prefix, buckets, stallTimeoutMs: 2_000 });
      const timeoutMs = 4_000;
      const limits = tokenBucket({ capacity: 1_000, refillIntervalMs: 1e9 });
      const limiter = createLimiter({ name: 'a', store, limits, timeoutMs, breaker: { failures: 1_000 } });
      const locks = createLocks({ name: 'b', store: lockStore, ttlMs: 30_000, timeoutMs });
      const pass = async (key: string): Promise<void> => {
        const attempt = await locks.tryAcquire(key);
        if (attempt.acquired) await attempt.lock.release();
      };
      await Promise.all(keys.map((key) => limiter.consume(key)));
      for (const key of keys) await pass(key);
      const dead = cluster.nodes[0] as TestServer;
      const [hurt, hurtLocks] = [new Set(await keysOn(dead, 'r', 'a')), new Set(await keysOn(dead, 'l', 'b'))];
      assert.ok(hurt.size > 0 && hurt.size < keys.length, `${hurt.size} keys on the node`);

      const timed = async (attempt: () => Promise<unknown>): Promise<{ ms: number; error?: unknown }> => {
        const startMs = performance.now();
        try {
          await attempt();
          return { ms: performance.now() - startMs };
        } catch (error) {
          return { ms: performance.now() - startMs, error };
        }
      };
      const round = async (): Promise<void> => {
        const outcomes = await Promise.all(
          keys.flatMap((key) => [
            timed(() => limiter.consume(key)).then((outcome) => ({ ...outcome, key, isHurt: hurt.has(key) })),
            timed(() => pass(key)).then((outcome) => ({
              ...outcome,
              key,
              isHurt: hurtLocks.has(key),
            })),
          ]),
        );
        for (const { key, isHurt, ms, error } of outcomes) {
          if (isHurt) {
            assert.ok(error instanceof StoreError, `${key} on the dead node: ${String(error)}`);
            assert.ok(ms < 2 * timeoutMs, `${key} on the dead node took ${ms} ms`);
          } else {
            assert.equal(error, undefined, `${key} on a node that lives: ${String(error)}`);
            // Well below what those on the dead node wait for, on a machine however busy.
            assert.ok(ms < timeoutMs / 2, `${key} on a node that lives took ${ms} ms`);
          }
        }
      };
      await (how === 'frozen' ? dead.pause() : dead.kill());
      for (let i = 0; i < 2; i++) await round();
      await (how === 'frozen' ? dead.resume() : dead.restart());
      await until(
        async () => {
          const results = await Promise.all(keys.map((key) => timed(() => limiter.consume(key))));
          return results.every(({ error }) => error === undefined);
        },
        { timeoutMs: 15_000, what: 'every key to be answered again' },
      );
      for (const key of keys) await recovered(() => pass(key));
      await limiter.close();
      await locks.close();
      await Promise.all([store.close(), lockStore.close()]);
      client.disconnect();
    },
  );

  it('that is killed takes the whole cluster down where full coverage is required, and every step says so', async () => {
    const admins = cluster.nodes.slice(1).map((node) => new Redis(node.url));
    for (const admin of admins) {
      await admin.config('SET', 'cluster-require-full-coverage', 'yes');
      await admin.config('SET', 'cluster-node-timeout', '1000');
    }
    const client = open(cluster.url);
    const [store, lockStore] = [
      redisLimiterStore({ client, prefix, buckets }),
      redisLockStore({ client, prefix, buckets }),
    ];
    for (const result of await store.decide(
      keys.map((key) => step(key)),
      {},
    ))
      answerOf(result);
    await cluster.nodes[0]?.kill();
    await until(async () => /cluster_state:fail/.test(String(await admins[0]?.cluster('INFO'))), {
      timeoutMs: 10_000,
      what: 'the cluster to be down',
    });
    for (const result of await store.decide(
      keys.map((key) => step(key)),
      {},
    )) {
      assert.throws(() => answerOf(result), isStoreError('connection'));
    }
    const attempts = await Promise.allSettled(keys.map((key) => take(lockStore, key)));
    for (const attempt of attempts) {
      assert.equal(attempt.status, 'rejected');
      isStoreError('connection')(attempt.reason);
    }
    for (const admin of admins) admin.disconnect();
    await Promise.all([store.close(), lockStore.close()]);
    client.disconnect();
  });
});
