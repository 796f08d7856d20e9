import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { fixedWindow, RecordVersionError, slidingLog, slidingWindow, StoreError, tokenBucket } from '@headgate/core';
import { sharedServer, skipReason, startRedis } from '@headgate/test-servers';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { answerOf, ask, isStoreError, request, step, take } from './asking.js';
import type { Limit, LimiterStep } from '@headgate/core';
import type { AddressInfo, Socket } from 'node:net';

function open(url: string, options: { username?: string; password?: string } = {}): Redis {
  const client = new Redis(url, { ...options, retryStrategy: () => 50 });
  client.on('error', () => {});
  return client;
}

const foreign = { code: 'HEADGATE_RECORD_VERSION' };

describe.skipIf(skipReason('redis') !== undefined)('a value at a key of ours that is not ours', () => {
  let admin: Redis;
  const prefix = `bad-${Math.random()}`;
  beforeAll(async () => {
    admin = open((await sharedServer('redis')).url);
  });
  afterAll(() => admin.disconnect());

  /** Ways to spoil a key; `ours` is what belongs there. */
  const spoil: Readonly<Record<string, (key: string, ours: Buffer) => Promise<unknown>>> = {
    'a list': (key) => admin.rpush(key, 'a', 'b'),
    'a hash': (key) => admin.hset(key, 'a', '1'),
    'a sorted set': (key) => admin.zadd(key, 1, 'a'),
    'a stream': (key) => admin.xadd(key, '*', 'a', '1'),
    'a text': (key) => admin.set(key, 'hello'),
    'an empty text': (key) => admin.set(key, ''),
    'a number': (key) => admin.set(key, '42'),
    'a record of a later release': (key) => admin.set(key, 'hg9 from the future\n'),
    'a lock of a later release': (key) => admin.set(key, 'hgl9 from the future'),
    'half a record': (key, ours) => admin.set(key, ours.subarray(0, Math.floor(ours.length / 2))),
    'a record cut at its end': (key, ours) => admin.set(key, ours.subarray(0, ours.length - 3)),
  };
  const policies: Readonly<Record<string, Limit>> = {
    'token bucket': tokenBucket({ capacity: 10, refillIntervalMs: 1e6 }),
    'fixed window': fixedWindow({ limit: 10, windowMs: 1e6 }),
    'sliding window': slidingWindow({ limit: 10, windowMs: 1e6 }),
    'sliding log': slidingLog({ limit: 10, windowMs: 1e6 }),
  };

  it.each(Object.keys(spoil))(
    '%s fails the limiter’s step with RecordVersionError, and no other step',
    async (what) => {
      const store = redisLimiterStore({ client: admin, prefix, buckets: 1 });
      for (const [kind, limit] of Object.entries(policies)) {
        const limits = [limit];
        const key = `${what} ${kind}`;
        const record = `${prefix}:{0}:r:${key}`;
        const stepOf = (of: string, ...ops: LimiterStep['ops']): LimiterStep => ({ key: of, limits, ops });
        await store.decide([stepOf(key, { kind: 'consume', cost: 1 })], {});
        const ours = (await admin.getBuffer(record)) ?? Buffer.alloc(0);
        await admin.del(record);
        await spoil[what]?.(record, ours);
        const before = await admin.dump(record);
        for (const op of [
          { kind: 'consume', cost: 1 },
          { kind: 'peek', cost: 1 },
          { kind: 'refund', cost: 1, atUs: 1 },
          { kind: 'block', forUs: 1_000 },
        ] as const) {
          const [first, second] = [`first ${op.kind} ${key}`, `second ${op.kind} ${key}`];
          const consume = { kind: 'consume', cost: 1 } as const;
          const results = await store.decide([stepOf(first, consume), stepOf(key, op), stepOf(second, consume)], {});
          assert.throws(
            () => answerOf(results[1]),
            (error: unknown) => error instanceof RecordVersionError && error.message.includes(key),
            `${kind}, ${op.kind}: ${JSON.stringify(results[1])} ${'error' in results[1]! ? results[1].error : ''}`,
          );
          for (const place of [0, 2]) assert.equal(answerOf(results[place]).remaining, 9);
          await store.decide([stepOf(first, { kind: 'reset' }), stepOf(second, { kind: 'reset' })], {});
        }
        assert.deepEqual(await admin.dump(record), before, 'it was touched');
      }
      await store.close();
    },
  );

  it.each(Object.keys(spoil))('%s fails the lock’s operation with RecordVersionError, and no other', async (what) => {
    const store = redisLockStore({ client: admin, prefix, buckets: 1 });
    const key = `lock ${what}`;
    const record = `${prefix}:{0}:l:${key}`;
    const lease = await take(store, key);
    const ours = (await admin.getBuffer(record)) ?? Buffer.alloc(0);
    await admin.del(record);
    await spoil[what]?.(record, ours);
    const before = await admin.dump(record);
    const operations: Readonly<Record<string, () => Promise<unknown>>> = {
      acquire: () => store.acquire(request(key)),
      wait: () => store.acquire(request(key, { waiter: { ttlMs: 1_000 } })),
      extend: () => store.extend([{ ...lease, ttlMs: 1_000 }]),
      release: () => store.release([lease]),
      cancelWait: () => store.cancelWait(lease),
      inspect: () => store.inspect(key),
      forceRelease: () => store.forceRelease(key),
      'acquire with others': async () => {
        const outcomes = await Promise.allSettled([
          take(store, `before ${what}`),
          store.acquire(request(key)),
          take(store, `after ${what}`),
        ]);
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          ['fulfilled', 'rejected', 'fulfilled'],
        );
        throw (outcomes[1] as PromiseRejectedResult).reason;
      },
      acquireAll: () => store.acquireAll?.([request(`free ${what}`), request(key)]) ?? Promise.resolve(),
    };
    for (const [name, operation] of Object.entries(operations)) {
      await assert.rejects(
        operation,
        (error: unknown) => error instanceof RecordVersionError && error.message.includes(key),
        name,
      );
    }
    assert.equal(await store.inspect(`free ${what}`), null, 'half of acquireAll was kept');
    assert.deepEqual(await admin.dump(record), before, 'it was touched');
    await store.close();
  });

  it('a foreign value where an index of locks belongs spoils listings, which say so, and no lock', async () => {
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    const store = redisLockStore({ client: admin, prefix: `${prefix}-index`, buckets: 1, onWarning });
    await admin.set(`${prefix}-index:{0}:h`, 'hello');
    const lease = await take(store, 'k');
    await assert.rejects(async () => {
      for await (const _ of store.list({ prefix: '' })) assert.fail('something was listed');
    }, foreign);
    assert.deepEqual(await store.release([lease]), [{ released: true }]);
    assert.equal(await admin.get(`${prefix}-index:{0}:h`), 'hello');
    assert.equal(warnings.length, 1, warnings.join());
    assert.match(warnings[0] ?? '', /Listings .* another type/);
    await store.close();
  });
});

/** A proxy that turns the version that `INFO` reports into another of the same length. It tests the check of the version, not an old server. */
async function versionProxy(target: URL, version: string): Promise<{ url: string; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.pipe(upstream);
    upstream.on('data', (data) => {
      const text = data.toString('latin1');
      const reported = /redis_version:([\d.]+)/.exec(text)?.[1];
      const padded = version.padEnd(reported?.length ?? 0, '0');
      client.write(
        reported ? Buffer.from(text.replace(`redis_version:${reported}`, `redis_version:${padded}`), 'latin1') : data,
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe.skipIf(skipReason('redis') !== undefined)('the version of the server', () => {
  it.each(['5.0.1', '6.0.1', '6.1.9'])('%s is refused by name before anything is written', async (version) => {
    const target = new URL((await sharedServer('redis')).url);
    const proxy = await versionProxy(target, version);
    const client = open(proxy.url);
    const admin = open(target.href);
    const prefix = `old-${Math.random()}`;
    const [store, lockStore] = [redisLimiterStore({ client, prefix }), redisLockStore({ client, prefix })];
    const refused = (error: unknown): boolean =>
      isStoreError('other')(error) && new RegExp(`6\\.2 or later.*${version.slice(0, 3)}`).test(String(error));
    await assert.rejects(ask(store, 'k'), refused);
    await assert.rejects(ask(store, 'k'), refused);
    await assert.rejects(take(lockStore, 'k'), refused);
    assert.deepEqual(await admin.keys(`${prefix}*`), []);
    await Promise.all([store.close(), lockStore.close()]);
    client.disconnect();
    admin.disconnect();
    proxy.close();
  });

  it.each(['6.2.0', '7.4.1', '10.0'])('%s is taken', async (version) => {
    const proxy = await versionProxy(new URL((await sharedServer('redis')).url), version);
    const client = open(proxy.url);
    const store = redisLimiterStore({ client, prefix: `new-${Math.random()}` });
    assert.ok((await ask(store, 'k')).allowed);
    await store.close();
    client.disconnect();
    proxy.close();
  });
});

describe.skipIf(skipReason('redis') !== undefined)('a user of the server who lacks a permission', () => {
  // A user of Redis 6.2 begins with all channels.
  const all = ['~headgate:*', 'resetchannels', '&headgate:*', '+@all'];
  const cases: Readonly<Record<string, { rules: readonly string[]; says: RegExp }>> = {
    'for evalsha and eval': { rules: [...all, '-evalsha', '-eval'], says: /'eval(sha)?' command/ },
    'for the keys': { rules: ['~other:*', 'resetchannels', '&headgate:*', '+@all'], says: /key/ },
    'for set, inside a script': {
      rules: [...all, '-set'],
      says: /'set' command|executing the script can't run this command/,
    },
  };

  it.each(Object.keys(cases))('%s gets an auth error that says what is missing and what to grant', async (what) => {
    const { rules, says } = cases[what] as (typeof cases)[string];
    await using server = await startRedis();
    const admin = open(server.url);
    await admin.acl('SETUSER', 'u', 'on', '>p', ...rules);
    const client = open(server.url, { username: 'u', password: 'p' });
    const [store, lockStore] = [redisLimiterStore({ client }), redisLockStore({ client })];
    for (const attempt of [
      () => ask(store, 'k'),
      () => take(lockStore, 'k'),
      async () => answerOf((await store.decide([step('a'), step('b')], {}))[1]),
    ]) {
      await assert.rejects(attempt, (error: unknown) => {
        isStoreError('auth')(error);
        assert.match(String(error), says);
        assert.match(String(error), /ACL SETUSER/);
        return true;
      });
    }
    assert.deepEqual(await admin.keys('*'), []);
    await Promise.all([store.close(), lockStore.close()]);
    client.disconnect();
    admin.disconnect();
  });

  it.each(['setrange', 'pexpireat'])('for %s, which records are kept up with, is charged once', async (command) => {
    await using server = await startRedis();
    const admin = open(server.url);
    await admin.acl('SETUSER', 'u', 'on', '>p', ...all, `-${command}`);
    const client = open(server.url, { username: 'u', password: 'p' });
    const store = redisLimiterStore({ client });
    const left: number[] = [];
    for (let i = 0; i < 3; i++) left.push((await ask(store, 'k')).remaining);
    assert.deepEqual(left, [left[0], (left[0] as number) - 1, (left[0] as number) - 2]);
    await store.close();
    client.disconnect();
    admin.disconnect();
  });

  it('for the index of locks is warned about, since listings then miss locks', async () => {
    await using server = await startRedis();
    const admin = open(server.url);
    await admin.acl('SETUSER', 'u', 'on', '>p', ...all, '-zadd', '-hset');
    const client = open(server.url, { username: 'u', password: 'p' });
    const warnings: string[] = [];
    const store = redisLockStore({ client, onWarning: (message) => void warnings.push(message) });
    await take(store, 'a', { sessionId: 's' });
    await take(store, 'b', { sessionId: 's' });
    assert.equal(warnings.length, 1, warnings.join());
    assert.match(warnings[0] ?? '', /permission|ACL/);
    await store.close();
    client.disconnect();
    admin.disconnect();
  });
});

describe.skipIf(skipReason('redis') !== undefined)('a client that cannot be used', () => {
  // ioredis 6 speaks RESP3, in which a subscribed connection takes other commands too.
  it('because it listens to channels (ioredis 5) gives StoreErrors, not answers', async () => {
    const client = new Redis5((await sharedServer('redis')).url, {
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    });
    await client.subscribe('somewhere');
    const store = redisLimiterStore({ client, useClient: true });
    await assert.rejects(
      ask(store, 'k'),
      (error: unknown) => error instanceof StoreError && /subscriber/.test(error.message),
    );
    await store.close();
    client.disconnect();
  });
});
