import assert from 'node:assert/strict';
import { createFencedRegister, createLocks } from '@headgate/core';
import { skipReason, startRedisSentinel, until } from '@headgate/test-servers';
import { Redis } from 'ioredis';
import { describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { ask, isStoreError, recovered, spent, take } from './asking.js';
import { clientOf, quiet } from './client-kinds.js';
import type { Lock } from '@headgate/core';
import type { RedisSentinel, RedisSentinelOptions } from '@headgate/test-servers';

const ttlMs = 3_000;
const patienceMs = 40_000;

/** Both stores of one side, with a lock manager. */
function side(client: Redis) {
  const limits = redisLimiterStore({ client, stallTimeoutMs: 1_000 });
  const store = redisLockStore({ client, stallTimeoutMs: 1_000 });
  const locks = createLocks({ name: 'f', store, ttlMs, timeoutMs: 2_000 });
  const close = async (): Promise<void> => {
    await locks.close();
    await Promise.all([limits.close(), store.close()]);
    client.disconnect();
  };
  return { client, limits, store, locks, close };
}

/** A primary that can be cut off, with the clients that stay with it and those that the sentinel leads to its successor. */
async function divisible(options: RedisSentinelOptions) {
  const redis = await startRedisSentinel({ ...options, divisible: true });
  const { sentinel, group, nodes, toFirst } = redis;
  const [first] = nodes;
  assert.ok(first && toFirst);
  const bySentinel = { sentinels: [{ host: sentinel.host, port: sentinel.port }], name: group, lazyConnect: true };
  const outside = side(quiet(new Redis({ ...bySentinel, retryStrategy: () => 50, sentinelRetryStrategy: () => 50 })));
  const inside = side(clientOf(first.url));
  const divide = async (): Promise<void> => {
    await inside.client.set('marker', '1');
    assert.equal(await inside.client.wait(nodes.length - 1, 5_000), nodes.length - 1);
    toFirst.blackhole();
    await until(async () => (await redis.master()) !== first, { timeoutMs: patienceMs, what: 'the failover' });
  };
  return { redis, toFirst, inside, outside, divide };
}

/** Takes `k` on the side of the new primary, as soon as that side has one and the lease that was copied to it is over. */
async function takeOutside({ locks }: ReturnType<typeof side>): Promise<Lock> {
  const taken: Lock[] = [];
  const attempt = async (): Promise<void> => void taken.push(await locks.acquire('k', { waitMs: patienceMs }));
  await recovered(attempt, isStoreError(), patienceMs);
  return taken[0] as Lock;
}

const stop = async (redis: RedisSentinel, ...sides: ReturnType<typeof side>[]): Promise<void> => {
  await Promise.all(sides.map(({ close }) => close()));
  await redis.stop();
};

describe.skipIf(skipReason('redis') !== undefined)(
  'a primary that is cut off from its sentinel and goes on serving',
  () => {
    it('holds and admits beside its successor; tokens tell who is later, and what it granted is gone when it is found again', async () => {
      const { redis, toFirst, inside, outside, divide } = await divisible({});
      const old = await inside.locks.acquire('k');
      await ask(inside.limits, 'k');
      await divide();
      const next = await takeOutside(outside);
      for (let round = 0; round < 3; round++) await Promise.all([old.extend(), next.extend()]);
      assert.ok(old.held && next.held, 'both sides hold');
      await Promise.all([ask(inside.limits, 'k'), ask(outside.limits, 'k'), ask(outside.limits, 'k')]);
      assert.deepEqual([await spent(inside.limits, 'k'), await spent(outside.limits, 'k')], [2, 3]);

      assert.ok(next.fencingToken > old.fencingToken);
      const register = createFencedRegister({ locks: outside.locks });
      const write = ({ key, fencingToken }: Lock): Promise<unknown> => register.write({ key, fencingToken }, () => {});
      await write(next);
      await assert.rejects(write(old), { code: 'HEADGATE_FENCED', reason: 'stale' });
      await old.release();
      const later = await inside.locks.acquire('k');
      assert.ok(later.fencingToken > next.fencingToken);
      // A resource that knows only the highest token would let it in, and `next` no more. The register asks the primary that counts.
      await assert.rejects(write(later), { code: 'HEADGATE_FENCED', reason: 'unissued' });

      await toFirst.pass();
      await until(() => later.signal.aborted, {
        timeoutMs: patienceMs,
        what: 'the holder at the old primary to be told',
      });
      await assert.rejects(take(inside.store, 'new'), isStoreError('connection'));
      await next.extend();
      assert.equal((await outside.store.inspect('f:k'))?.fencingToken, next.fencingToken);
      assert.equal(await spent(outside.limits, 'k'), 3);
      await next.release();
      await stop(redis, inside, outside);
    });

    it('grants nothing more within `min-replicas-max-lag` where it must have a replica to write', async () => {
      const args = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2'];
      const { redis, inside, outside, divide } = await divisible({ replicas: 2, args });
      const old = await inside.locks.acquire('k');
      await divide();
      const refused = (error: unknown): boolean =>
        isStoreError('connection')(error) && /NOREPLICAS/.test(String(error));
      let [lock, charge] = [false, false];
      await until(
        async () => {
          lock ||= await take(inside.store, `new ${Math.random()}`).then(() => false, refused);
          charge ||= await ask(inside.limits, 'k').then(() => false, refused);
          return lock && charge;
        },
        { timeoutMs: patienceMs, what: 'the old primary to refuse' },
      );
      const next = await takeOutside(outside);
      await until(() => old.signal.aborted, {
        timeoutMs: patienceMs,
        what: 'the holder at the old primary to be told',
      });
      await next.extend();
      assert.ok(next.held && next.fencingToken > old.fencingToken);
      await stop(redis, inside, outside);
    });
  },
);
