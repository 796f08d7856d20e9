import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { StoreError, StoreFullError, tokenBucket } from '@headgate/core';
import { createFaultProxy, skipReason, startRedis, startRedisCluster, until } from '@headgate/test-servers';
import { Cluster, Redis } from 'ioredis';
import { describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { nodesOf } from './fixtures.js';
import type { AcquireRequest, LimiterAnswer, LimiterResult, LimiterStore, LockStore } from '@headgate/core';

// One bucket that never refills while a test runs: what is left of it counts every charge.
const limits = [tokenBucket({ capacity: 100_000, refillTokens: 1, refillIntervalMs: 1_000_000 })];

async function ask(
  store: LimiterStore,
  key: string,
  kind: 'consume' | 'peek',
  signal?: AbortSignal,
): Promise<LimiterAnswer> {
  const [result] = await store.decide([{ key, limits, ops: [{ kind, cost: 1 }] }], { ...(signal && { signal }) });
  return answerOf(result);
}

function answerOf(result: LimiterResult | undefined): LimiterAnswer {
  if (!result) throw new Error('no result');
  if ('error' in result) throw result.error;
  return result.answers[0] as LimiterAnswer;
}

async function spent(store: LimiterStore, key: string): Promise<number> {
  return 100_000 - (await ask(store, key, 'peek')).remaining;
}

/** Resolves when the store answers again. */
function recovered(store: LimiterStore, key = 'any'): Promise<void> {
  return until(
    () =>
      ask(store, key, 'peek').then(
        () => true,
        () => false,
      ),
    { timeoutMs: 15_000, what: 'an answer' },
  );
}

const storeError = (kind: string) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.kind, kind, error.message);
  return true;
};

function clientOf(url: string): Redis {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', () => {});
  return client;
}

function request(key: string, over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { key, leaseId: randomUUID(), ownerId: 'o', mode: 'exclusive', permits: 1, ttlMs: 10_000, ...over };
}

async function take(store: LockStore, key: string): Promise<{ leaseId: string; fencingToken: number }> {
  const asked = request(key);
  const reply = await store.acquire(asked);
  assert.ok(reply.acquired);
  return { leaseId: asked.leaseId, fencingToken: reply.fencingToken };
}

describe.skipIf(skipReason('redis') !== undefined)('limits on a server that is hurt', () => {
  it('a consume whose reply is lost fails, and counts once', async () => {
    await using server = await startRedis();
    const proxy = await createFaultProxy({ target: server });
    const store = redisLimiterStore({ client: clientOf(`redis://${proxy.host}:${proxy.port}`) });
    await ask(store, 'k', 'consume');
    const lost = proxy.dropNextReply({ when: (data) => data.includes('evalsha') });
    await assert.rejects(ask(store, 'k', 'consume'), storeError('connection'));
    await lost;
    await recovered(store);
    assert.equal(await spent(store, 'k'), 2);
    await store.close();
    await proxy.stop();
  });

  it('connections killed under load lose answers, never count twice, and come back by themselves', async () => {
    await using server = await startRedis();
    const admin = clientOf(server.url);
    const store = redisLimiterStore({ client: clientOf(server.url) });
    await recovered(store);
    let [sent, answered] = [0, 0];
    const failures: unknown[] = [];
    const endMs = performance.now() + 1_500;
    const caller = async (): Promise<void> => {
      while (performance.now() < endMs) {
        sent++;
        await ask(store, 'k', 'consume').then(
          () => void answered++,
          async (error: unknown) => {
            failures.push(error);
            await recovered(store);
          },
        );
      }
    };
    const killer = async (): Promise<void> => {
      while (performance.now() < endMs) {
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await new Promise((resolve) => setTimeout(resolve, 120));
      }
    };
    await Promise.all([killer(), ...Array.from({ length: 16 }, caller)]);
    assert.ok(failures.length > 0, 'nothing was hurt');
    for (const failure of failures) storeError('connection')(failure);
    await recovered(store);
    const counted = await spent(store, 'k');
    assert.ok(counted >= answered && counted <= sent, `${answered} answered, ${counted} counted, ${sent} sent`);
    await store.close();
    admin.disconnect();
  });

  it('a script cache that is flushed under load changes nothing', async () => {
    await using server = await startRedis();
    const admin = clientOf(server.url);
    const store = redisLimiterStore({ client: clientOf(server.url) });
    for (let round = 0; round < 50; round++) {
      await Promise.all([...Array.from({ length: 10 }, () => ask(store, 'k', 'consume')), admin.script('FLUSH')]);
    }
    assert.equal(await spent(store, 'k'), 500);
    await store.close();
    admin.disconnect();
  });

  it('while the server is silent a call ends with its signal, and afterwards all goes on', async () => {
    await using server = await startRedis();
    const store = redisLimiterStore({ client: clientOf(server.url) });
    await recovered(store);
    await server.pause();
    const startMs = performance.now();
    await assert.rejects(ask(store, 'k', 'consume', AbortSignal.timeout(200)), { name: 'TimeoutError' });
    assert.ok(performance.now() - startMs < 600, 'the call outlived its signal');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await server.resume();
    await recovered(store);
    assert.equal(await spent(store, 'k'), 1);
    await store.close();
  });

  it('a connection that stays silent is given up, and a new one works', async () => {
    await using server = await startRedis();
    const proxy = await createFaultProxy({ target: server });
    const client = clientOf(`redis://${proxy.host}:${proxy.port}`);
    const store = redisLimiterStore({ client, stallTimeoutMs: 300 });
    await recovered(store);
    proxy.blackhole('to-client');
    await assert.rejects(ask(store, 'k', 'consume'), storeError('connection'));
    await proxy.pass();
    await recovered(store);
    assert.equal(await spent(store, 'k'), 1);
    await store.close();
    await proxy.stop();
  });

  it('a server that is killed gives connection errors at once, and an empty one in its place is used', async () => {
    await using server = await startRedis();
    const store = redisLimiterStore({ client: clientOf(server.url) });
    await ask(store, 'k', 'consume');
    await server.kill();
    await until(
      () =>
        ask(store, 'k', 'peek').then(
          () => false,
          () => true,
        ),
      { timeoutMs: 5_000, what: 'the loss to show' },
    );
    const startMs = performance.now();
    await assert.rejects(ask(store, 'k', 'consume'), storeError('connection'));
    assert.ok(performance.now() - startMs < 100, 'it waited for a server that is down');
    await server.restart({ empty: true });
    await recovered(store);
    assert.equal(await spent(store, 'k'), 0);
    await store.close();
  });

  it('a server that is not there at the start is used when it comes', async () => {
    await using server = await startRedis();
    await server.kill();
    const store = redisLimiterStore({ client: clientOf(server.url) });
    await assert.rejects(ask(store, 'k', 'consume'), storeError('connection'));
    await server.restart({ empty: true });
    await recovered(store);
    await store.close();
  });

  it('a full server refuses the write of that step with StoreFullError and answers the others', async () => {
    await using server = await startRedis({ maxmemoryPolicy: 'noeviction' });
    const admin = clientOf(server.url);
    const locks = redisLockStore({ client: admin });
    const lease = await take(locks, 'held');
    const store = redisLimiterStore({ client: admin });
    await ask(store, 'known', 'consume');
    await admin.config('SET', 'maxmemory', '1');
    const step = (kind: 'consume' | 'peek') => ({ key: 'known', limits, ops: [{ kind, cost: 1 }] });
    const results = await store.decide([{ ...step('peek'), key: 'new' }, step('consume')], {});
    assert.equal(answerOf(results[0]).remaining, 100_000);
    assert.throws(() => answerOf(results[1]), StoreFullError);
    assert.equal(await spent(store, 'known'), 1);
    await assert.rejects(take(locks, 'another'), StoreFullError);
    assert.deepEqual(await locks.release([{ key: 'held', mode: 'exclusive', ...lease }]), [{ released: true }]);
    await store.close();
    await locks.close();
    admin.disconnect();
  });

  it('a replica is a connection error, and the store works again when it is promoted', async () => {
    await using master = await startRedis();
    await using server = await startRedis();
    const admin = clientOf(server.url);
    const store = redisLimiterStore({ client: clientOf(server.url) });
    await ask(store, 'k', 'consume');
    await admin.replicaof(master.host, master.port);
    await assert.rejects(ask(store, 'k2', 'consume'), storeError('connection'));
    await admin.replicaof('NO', 'ONE');
    await recovered(store);
    await ask(store, 'k2', 'consume');
    await store.close();
    admin.disconnect();
  });

  it('a user without permission is an auth error that says what to grant', async () => {
    await using server = await startRedis();
    const admin = clientOf(server.url);
    await admin.acl('SETUSER', 'reader', 'on', '>secret', '~headgate*', '+@all', '-set');
    const store = redisLimiterStore({ client: clientOf(`redis://reader:secret@${server.host}:${server.port}`) });
    await assert.rejects(
      ask(store, 'k', 'consume'),
      (error: unknown) => storeError('auth')(error) && /ACL/.test(String(error)),
    );
    const wrong = redisLimiterStore({ client: clientOf(`redis://reader:wrong@${server.host}:${server.port}`) });
    await assert.rejects(ask(wrong, 'k', 'consume'), storeError('auth'));
    await Promise.all([store.close(), wrong.close()]);
    admin.disconnect();
  });

  it('a foreign value at a key of ours is reported and left alone', async () => {
    await using server = await startRedis();
    const admin = clientOf(server.url);
    const store = redisLimiterStore({ client: admin, buckets: 1 });
    await admin.hset('headgate:{0}:r:hash', 'a', '1');
    await admin.set('headgate:{0}:r:text', 'hello');
    for (const key of ['hash', 'text']) {
      for (const kind of ['consume', 'peek'] as const) {
        await assert.rejects(ask(store, key, kind), { code: 'HEADGATE_RECORD_VERSION' });
      }
    }
    assert.equal(await admin.get('headgate:{0}:r:text'), 'hello');
    assert.deepEqual(await admin.hgetall('headgate:{0}:r:hash'), { a: '1' });
    await store.close();
    admin.disconnect();
  });
});

describe.skipIf(skipReason('redis') !== undefined)('locks on a server that is hurt', () => {
  it('a lease that too few replicas have is given back', async () => {
    await using server = await startRedis();
    const client = clientOf(server.url);
    const store = redisLockStore({ client, waitReplicas: { count: 1, timeoutMs: 500 } });
    await assert.rejects(take(store, 'k'), storeError('connection'));
    assert.equal(await store.inspect('k'), null);
    await using replica = await startRedis({ args: ['--replicaof', server.host, String(server.port)] });
    const admin = clientOf(replica.url);
    await until(async () => /master_link_status:up/.test(await admin.info('replication')), {
      timeoutMs: 10_000,
      what: 'the replica',
    });
    await take(store, 'k');
    assert.notEqual(await store.inspect('k'), null);
    await store.close();
    client.disconnect();
    admin.disconnect();
  });

  it('an eviction policy that can drop locks is warned about once', async () => {
    await using server = await startRedis({ maxmemory: '50mb', maxmemoryPolicy: 'volatile-lru' });
    const warnings: string[] = [];
    const client = clientOf(server.url);
    const store = redisLockStore({ client, onWarning: (message) => void warnings.push(message) });
    await take(store, 'a');
    await take(store, 'b');
    await until(() => warnings.length > 0, { timeoutMs: 2_000, what: 'the warning' });
    await take(store, 'c');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /volatile-lru/);
    await store.close();
    client.disconnect();
  });

  it('without the permission to subscribe waiters are told to poll, and locks work', async () => {
    await using server = await startRedis();
    const admin = clientOf(server.url);
    await admin.acl('SETUSER', 'quiet', 'on', '>secret', '~headgate*', 'resetchannels', '+@all', '-subscribe');
    const warnings: string[] = [];
    const client = clientOf(`redis://quiet:secret@${server.host}:${server.port}`);
    const store = redisLockStore({ client, onWarning: (message) => void warnings.push(message) });
    store.watch?.({ wake: () => {}, lost: () => {} });
    const lease = await take(store, 'k');
    const waiter = request('k', { waiter: { ttlMs: 5_000 } });
    assert.equal((await store.acquire(waiter)).acquired, false);
    assert.equal((await store.release([{ key: 'k', mode: 'exclusive', ...lease }]))[0]?.released, true);
    assert.equal((await store.acquire(waiter)).acquired, true);
    assert.match(warnings.join(), /subscribe/);
    await store.close();
    client.disconnect();
    admin.disconnect();
  });

  it('wake-ups go on after the subscription was cut', async () => {
    await using server = await startRedis();
    const admin = clientOf(server.url);
    const client = clientOf(server.url);
    const store = redisLockStore({ client });
    const woken: string[] = [];
    store.watch?.({ wake: (key) => void woken.push(key), lost: () => {} });
    const lease = await take(store, 'k');
    assert.equal((await store.acquire(request('k', { waiter: { ttlMs: 5_000 } }))).acquired, false);
    const subscribers = async (): Promise<number> =>
      ((await admin.pubsub('CHANNELS', 'headgate:inbox:*')) as string[]).length;
    assert.equal(await subscribers(), 1);
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(async () => (await subscribers()) === 1, { timeoutMs: 5_000, what: 'the subscription' });
    await store.release([{ key: 'k', mode: 'exclusive', ...lease }]);
    await until(() => woken.includes('k'), { timeoutMs: 2_000, what: 'a wake-up' });
    await store.close();
    client.disconnect();
    admin.disconnect();
  });
});

describe.skipIf(skipReason('redis-cluster') !== undefined)('a cluster that loses a master', () => {
  it('fails only the keys of that master, each with a StoreError, until its replica takes over', async () => {
    await using cluster = await startRedisCluster({ masters: 3, replicas: 1 });
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
    for (const result of failed) if ('error' in result) storeError('connection')(result.error);
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
  }, 60_000);
});
