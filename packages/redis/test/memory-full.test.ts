import assert from 'node:assert/strict';
import { createLocks, StoreFullError } from '@headgate/core';
import { skipReason, startRedis, until } from '@headgate/test-servers';
import { Redis } from 'ioredis';
import { describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { answerOf, ask, request, spent, step, take } from './asking.js';

function open(url: string): Redis {
  const client = new Redis(url);
  client.on('error', () => {});
  return client;
}

/** Writes until the server has thrown `key` out. */
async function evict(admin: Redis, key: string): Promise<void> {
  let filled = 0;
  await until(
    async () => {
      const pipeline = admin.pipeline();
      for (let i = 0; i < 100; i++) pipeline.set(`filler:${filled++}`, 'x'.repeat(2_000));
      await pipeline.exec();
      return (await admin.exists(key)) === 0;
    },
    { timeoutMs: 10_000, intervalMs: 1, what: `the eviction of ${key}` },
  );
}

describe.skipIf(skipReason('redis') !== undefined)('a server that evicts', () => {
  it('may drop a held lock: one warning, the holder is told by its next extension, the next token is higher', async () => {
    await using server = await startRedis({ maxmemory: '4mb', maxmemoryPolicy: 'allkeys-lru' });
    const [client, admin] = [open(server.url), open(server.url)];
    const warnings: string[] = [];
    const store = redisLockStore({ client, buckets: 1, onWarning: (message) => void warnings.push(message) });
    const locks = createLocks({ name: 'f', store, ttlMs: 1_500, timeoutMs: 5_000 });
    const held = await locks.acquire('k');
    await until(() => warnings.length > 0, { timeoutMs: 2_000, what: 'the warning' });
    // Renewals keep the key young, so it may take some filling.
    await evict(admin, 'headgate:{0}:l:f:k');
    const other = await locks.tryAcquire('k');
    await until(() => held.signal.aborted, { timeoutMs: 2_000, what: 'the holder to be told' });
    assert.equal(held.held, false);
    assert.throws(() => held.assertHeld(), { code: 'HEADGATE_LOCK_LOST' });
    assert.equal((await held.release()).released, false);
    if (other.acquired) {
      assert.ok(other.lock.fencingToken > held.fencingToken);
      assert.deepEqual(await other.lock.release(), { released: true });
    }
    const next = await locks.acquire('k');
    assert.ok(next.fencingToken > held.fencingToken);
    await next.release();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /allkeys-lru.*noeviction/);
    await locks.close();
    await store.close();
    client.disconnect();
    admin.disconnect();
  });

  it('may drop the index of held locks: they stay held, and each is listed again once it is extended', async () => {
    await using server = await startRedis();
    const [client, admin] = [open(server.url), open(server.url)];
    const store = redisLockStore({ client, buckets: 1 });
    const lease = await take(store, 'k', { sessionId: 's' });
    await admin.del('headgate:{0}:h', 'headgate:{0}:s:s'); // what an eviction of these keys does
    assert.equal((await store.acquire(request('k'))).acquired, false);
    assert.deepEqual(await store.extend([{ ...lease, ttlMs: 10_000 }]), [{ extended: true }]);
    assert.deepEqual(await store.releaseSession({ prefix: '', sessionId: 's' }), { released: ['k'], pending: [] });
    await store.close();
    client.disconnect();
    admin.disconnect();
  });
});

describe.skipIf(skipReason('redis') !== undefined)('a server that is full and evicts nothing', () => {
  it('refuses each write that takes room with StoreFullError, and leaves everything as it was', async () => {
    await using server = await startRedis({ maxmemoryPolicy: 'noeviction' });
    const [client, admin] = [open(server.url), open(server.url)];
    const warnings: string[] = [];
    const store = redisLockStore({ client, buckets: 1, onWarning: (message) => void warnings.push(message) });
    const limiterStore = redisLimiterStore({ client, buckets: 1 });
    await ask(limiterStore, 'known');
    const held = await take(store, 'held', { sessionId: 's' });
    const queued = await take(store, 'queued', { sessionId: 't' });
    const waiting = request('queued', { waiter: { ttlMs: 20_000 } });
    assert.equal((await store.acquire(waiting)).acquired, false);
    const everything = async (): Promise<Record<string, string | null>> => {
      const keys = (await admin.keys('*')).sort();
      return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, (await admin.dump(key)) ?? null])));
    };
    const before = await everything();
    await admin.config('SET', 'maxmemory', '1');

    const full = { code: 'HEADGATE_STORE_FULL' };
    await assert.rejects(take(store, 'new'), full);
    await assert.rejects(store.acquire(request('held', { waiter: { ttlMs: 5_000 } })), full);
    assert.ok(store.acquireAll);
    await assert.rejects(store.acquireAll([request('a'), request('b'), request('c')]), full);
    // A batch: what reads is answered, what writes is refused, each for itself.
    const [seen, refused, lost] = await Promise.allSettled([
      store.inspect('held'),
      take(store, 'another'),
      store.release([{ ...held, leaseId: 'somebody else' }]),
    ]);
    assert.equal(seen.status === 'fulfilled' && seen.value?.fencingToken, held.fencingToken);
    assert.ok(refused.status === 'rejected' && refused.reason instanceof StoreFullError, String(refused));
    assert.equal(lost.status === 'fulfilled' && lost.value[0]?.released, false);
    const results = await limiterStore.decide([step('known', 'peek'), step('new'), step('known')], {});
    assert.ok(answerOf(results[0]).allowed);
    assert.throws(() => answerOf(results[1]), full);
    assert.throws(() => answerOf(results[2]), full);
    assert.deepEqual(await everything(), before);

    await admin.config('SET', 'maxmemory', '0');
    assert.equal(await spent(limiterStore, 'known'), 1);
    assert.deepEqual(await store.release([queued]), [{ released: true }]);
    assert.ok((await store.acquire(waiting)).acquired);
    assert.deepEqual(warnings, []);
    await Promise.all([store.close(), limiterStore.close()]);
    client.disconnect();
    admin.disconnect();
  });

  it('still extends and releases what is held, hands it over, and forgets no token', async () => {
    await using server = await startRedis({ maxmemoryPolicy: 'noeviction' });
    const [client, admin] = [open(server.url), open(server.url)];
    const store = redisLockStore({ client, buckets: 1 });
    const held = await take(store, 'k');
    const waiting = request('k', { waiter: { ttlMs: 20_000 } });
    assert.equal((await store.acquire(waiting)).acquired, false);
    const alone = await take(store, 'alone');
    const readers = [];
    for (const _ of [1, 2])
      readers.push({ ...(await take(store, 'shared', { mode: 'shared' })), mode: 'shared' as const });
    const inSession = await take(store, 'in a session', { sessionId: 's' });
    await admin.config('SET', 'maxmemory', '1');

    assert.deepEqual(await store.extend([{ ...held, ttlMs: 60_000 }]), [{ extended: true }]);
    assert.deepEqual(await store.release([held]), [{ released: true }]);
    const handed = await store.acquire(waiting);
    assert.ok(handed.acquired && handed.fencingToken > held.fencingToken);
    assert.deepEqual(await store.release([alone]), [{ released: true }]);
    for (const reader of readers) assert.deepEqual(await store.release([reader]), [{ released: true }]);
    assert.deepEqual(await store.releaseSession({ prefix: '', sessionId: 's' }), {
      released: ['in a session'],
      pending: [],
    });
    assert.equal((await store.extend([{ ...inSession, ttlMs: 1_000 }]))[0]?.extended, false);
    assert.equal((await store.forceRelease('k')).released.length, 1);
    // The record that is left, and with it the last token, is no longer than before.
    assert.ok((await admin.strlen('headgate:{0}:l:alone')) > 0);
    await store.close();
    client.disconnect();
    admin.disconnect();
  });
});
