import assert from 'node:assert/strict';
import { StoreFullError } from '@headgate/core';
import { createFaultProxy, skipReason, startRedis, until } from '@headgate/test-servers';
import { describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { answerOf, answersAgain, ask, atOnceMs, isStoreError, limits, spent, take } from './asking.js';
import { clientOf } from './client-kinds.js';

describe.skipIf(skipReason('redis') !== undefined)('limits on a server that is hurt', () => {
  it('a consume whose reply is lost fails, and counts once', async () => {
    await using server = await startRedis();
    const proxy = await createFaultProxy({ target: server });
    const store = redisLimiterStore({ client: clientOf(`redis://${proxy.host}:${proxy.port}`) });
    await ask(store, 'k', 'consume');
    const lost = proxy.dropNextReply({ when: (data) => data.includes('evalsha') });
    await assert.rejects(ask(store, 'k', 'consume'), isStoreError('connection'));
    await lost;
    await answersAgain(store);
    assert.equal(await spent(store, 'k'), 2);
    await store.close();
    await proxy.stop();
  });

  it('connections killed under load lose answers, never count twice, and come back by themselves', async () => {
    await using server = await startRedis();
    const admin = clientOf(server.url);
    const store = redisLimiterStore({ client: clientOf(server.url) });
    await answersAgain(store);
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
            await answersAgain(store);
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
    for (const failure of failures) isStoreError('connection')(failure);
    await answersAgain(store);
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
    await answersAgain(store);
    await server.pause();
    const startMs = performance.now();
    await assert.rejects(ask(store, 'k', 'consume', AbortSignal.timeout(200)), { name: 'TimeoutError' });
    assert.ok(performance.now() - startMs < 200 + atOnceMs, 'the call outlived its signal');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await server.resume();
    await answersAgain(store);
    assert.equal(await spent(store, 'k'), 1);
    await store.close();
  });

  it('a connection that stays silent is given up, and a new one works', async () => {
    await using server = await startRedis();
    const proxy = await createFaultProxy({ target: server });
    const client = clientOf(`redis://${proxy.host}:${proxy.port}`);
    const store = redisLimiterStore({ client, stallTimeoutMs: 1_000 });
    await answersAgain(store);
    proxy.blackhole('to-client');
    await assert.rejects(ask(store, 'k', 'consume'), isStoreError('connection'));
    await proxy.pass();
    await answersAgain(store);
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
    await assert.rejects(ask(store, 'k', 'consume'), isStoreError('connection'));
    assert.ok(performance.now() - startMs < atOnceMs, 'it waited for a server that is down');
    await server.restart({ empty: true });
    await answersAgain(store);
    assert.equal(await spent(store, 'k'), 0);
    await store.close();
  });

  it('a server that is not there at the start is used when it comes', async () => {
    await using server = await startRedis();
    await server.kill();
    const store = redisLimiterStore({ client: clientOf(server.url) });
    await assert.rejects(ask(store, 'k', 'consume'), isStoreError('connection'));
    await server.restart({ empty: true });
    await answersAgain(store);
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
    assert.deepEqual(await locks.release([lease]), [{ released: true }]);
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
    await assert.rejects(ask(store, 'k2', 'consume'), isStoreError('connection'));
    await admin.replicaof('NO', 'ONE');
    await answersAgain(store);
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
      (error: unknown) => isStoreError('auth')(error) && /ACL/.test(String(error)),
    );
    const wrong = redisLimiterStore({ client: clientOf(`redis://reader:wrong@${server.host}:${server.port}`) });
    await assert.rejects(ask(wrong, 'k', 'consume'), isStoreError('auth'));
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
