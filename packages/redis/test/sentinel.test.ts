import assert from 'node:assert/strict';
import { createLocks } from '@headgate/core';
import { skipReason, startRedisSentinel, until } from '@headgate/test-servers';
import { Redis as Redis6 } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { ask, isStoreError, recovered, spent, take } from './asking.js';
import type { RedisSentinel } from '@headgate/test-servers';

const drivers = { 'ioredis 6': Redis6, 'ioredis 5': Redis5 as unknown as typeof Redis6 } as const;

function clientOf({ sentinel, group }: RedisSentinel, driver: keyof typeof drivers = 'ioredis 6'): Redis6 {
  const client = new drivers[driver]({
    sentinels: [{ host: sentinel.host, port: sentinel.port }],
    name: group,
    lazyConnect: true,
    retryStrategy: () => 50,
    sentinelRetryStrategy: () => 50,
  });
  client.on('error', () => {});
  return client;
}

const failedOver = async (redis: RedisSentinel, from: { readonly port: number }): Promise<void> =>
  until(async () => (await redis.master()).port !== from.port, { timeoutMs: 15_000, what: 'the failover' });

/** Resolves when the replica has all that was written so far: what it has not got when its master dies is lost. */
async function replicated(client: Redis6): Promise<void> {
  await client.set('marker', '1');
  assert.equal(await client.wait(1, 5_000), 1);
}

// An unhandled rejection anywhere in here fails the run: vitest listens for them.
describe.skipIf(skipReason('redis') !== undefined)('through Sentinel', () => {
  it.each(['ioredis 6', 'ioredis 5'] as const)(
    'limits and locks survive a killed master: typed errors meanwhile, then the new one, with higher tokens (%s)',
    async (driver) => {
      await using redis = await startRedisSentinel();
      const client = clientOf(redis, driver);
      const store = redisLimiterStore({ client });
      const lockStore = redisLockStore({ client });
      const master = await redis.master();
      const locks = createLocks({ name: 'jobs', store: lockStore, ttlMs: 30_000, timeoutMs: 5_000 });
      const held = await locks.acquire('held');
      const before = await take(lockStore, 'jobs:other');
      await lockStore.release([before]);

      let [sent, answered] = [0, 0];
      const load = new AbortController();
      const caller = async (): Promise<void> => {
        while (!load.signal.aborted) {
          sent++;
          try {
            await ask(store, 'k');
            answered++;
          } catch (error) {
            isStoreError('connection')(error);
            await recovered(() => ask(store, 'any', 'peek'), isStoreError('connection'));
          }
        }
      };
      const callers = Promise.all(Array.from({ length: 8 }, caller));
      await until(() => answered > 100, { timeoutMs: 5_000, what: 'load' });
      await replicated(client);
      await master.kill();
      const answeredBefore = answered;
      await recovered(() => take(lockStore, `probe ${Math.random()}`), isStoreError('connection'));
      assert.notEqual((await redis.master()).port, master.port);
      await until(() => answered > answeredBefore + 100, { timeoutMs: 5_000, what: 'answers after the failover' });
      load.abort();
      await callers;

      const counted = await spent(store, 'k');
      assert.ok(counted > 0 && counted <= sent, `${answered} answered, ${counted} counted, ${sent} sent`);
      assert.ok((await take(lockStore, 'jobs:other')).fencingToken > before.fencingToken);
      assert.equal(held.held, true);
      await held.extend();
      assert.deepEqual(await held.release(), { released: true });
      assert.ok((await locks.acquire('held')).fencingToken > held.fencingToken);
      await locks.close();
      await Promise.all([store.close(), lockStore.close()]);
      client.disconnect();
    },
  );

  it('a lease that the new master never got is taken by another, with a higher token, and its holder is told', async () => {
    await using redis = await startRedisSentinel();
    const client = clientOf(redis);
    const lockStore = redisLockStore({ client });
    const [master, replica] = redis.nodes;
    assert.ok(master && replica);
    await take(lockStore, 'warm');
    const admin = new Redis6(master.url);
    admin.on('error', () => {});
    await replica.pause();
    await admin.call('CLIENT', 'KILL', 'TYPE', 'replica'); // Else what follows would wait for it in its socket.
    const first = await take(lockStore, 'k');
    await master.kill();
    await replica.resume();
    await failedOver(redis, master);
    await recovered(() => lockStore.inspect('k'), isStoreError('connection'));
    const second = await take(lockStore, 'k');
    assert.ok(second.fencingToken > first.fencingToken);
    assert.deepEqual(await lockStore.extend([{ ...first, ttlMs: 1_000 }]), [{ extended: false, reason: 'stolen' }]);
    assert.equal((await lockStore.release([first]))[0]?.released, false);
    assert.deepEqual(await lockStore.release([second]), [{ released: true }]);
    await lockStore.close();
    client.disconnect();
    admin.disconnect();
  });

  it('a master that falls silent is left for the new one, and not returned to when it wakes', async () => {
    await using redis = await startRedisSentinel();
    const client = clientOf(redis);
    const store = redisLimiterStore({ client, stallTimeoutMs: 1_000 });
    const lockStore = redisLockStore({ client, stallTimeoutMs: 1_000 });
    const master = await redis.master();
    await ask(store, 'k');
    const before = await take(lockStore, 'k');
    await lockStore.release([before]);
    await master.pause();
    await assert.rejects(ask(store, 'k'), isStoreError('connection'));
    await failedOver(redis, master);
    await recovered(() => take(lockStore, `probe ${Math.random()}`), isStoreError('connection'));
    await recovered(() => ask(store, 'new'), isStoreError('connection'));
    const taken = await take(lockStore, 'k');
    assert.ok(taken.fencingToken > before.fencingToken);
    await master.resume();
    const old = new Redis6(master.url);
    assert.equal(await old.ping(), 'PONG');
    assert.equal((await lockStore.inspect('k'))?.fencingToken, taken.fencingToken);
    await recovered(() => ask(store, 'new'), isStoreError('connection'));
    assert.ok((await spent(store, 'new')) >= 2);
    await Promise.all([store.close(), lockStore.close()]);
    client.disconnect();
    old.disconnect();
  });

  it('whoever waits for a lock waits through a failover, and gets it when it is released', async () => {
    await using redis = await startRedisSentinel();
    const client = clientOf(redis);
    const lockStore = redisLockStore({ client });
    const options = { name: 'jobs', store: lockStore, ttlMs: 30_000, timeoutMs: 5_000 };
    const [holder, waiter] = [createLocks(options), createLocks(options)];
    const master = await redis.master();
    const lock = await holder.acquire('k');
    const waiting = waiter.acquire('k', { waitMs: 20_000 });
    await until(async () => (await lockStore.inspect('jobs:k'))?.waiting === 1, {
      timeoutMs: 2_000,
      what: 'the waiter',
    });
    await replicated(client);
    await master.kill();
    await failedOver(redis, master);
    await recovered(() => lockStore.inspect('jobs:k'), isStoreError('connection'));
    assert.deepEqual(await lock.release(), { released: true });
    const next = await waiting;
    assert.ok(next.fencingToken > lock.fencingToken);
    await next.release();
    await Promise.all([holder.close(), waiter.close()]);
    await lockStore.close();
    client.disconnect();
  });
});
