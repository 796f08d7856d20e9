import assert from 'node:assert/strict';
import { skipReason, startRedis, until } from '@headgate/test-servers';
import { describe, it } from 'vitest';
import { redisLockStore } from '../src/lock-store.js';
import { isStoreError, recovered, request, take } from './asking.js';
import { clientOf } from './client-kinds.js';

describe.skipIf(skipReason('redis') !== undefined)('locks on a server that is hurt', () => {
  it('a lease that too few replicas have is given back', async () => {
    await using server = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] }); // or a replica waits 5 s for its first copy
    const client = clientOf(server.url);
    const store = redisLockStore({ client, waitReplicas: { count: 1, timeoutMs: 500 } });
    await assert.rejects(take(store, 'k'), isStoreError('connection'));
    assert.equal(await store.inspect('k'), null);
    await using replica = await startRedis({ args: ['--replicaof', server.host, String(server.port)] });
    const admin = clientOf(replica.url);
    await until(async () => /master_link_status:up/.test(await admin.info('replication')), {
      timeoutMs: 10_000,
      what: 'the replica',
    });
    // The master counts it from its first acknowledgement on, which comes within a second.
    await recovered(() => take(store, 'k'), isStoreError('connection'));
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
    assert.equal((await store.release([lease]))[0]?.released, true);
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
    await store.release([lease]);
    await until(() => woken.includes('k'), { timeoutMs: 2_000, what: 'a wake-up' });
    await store.close();
    client.disconnect();
    admin.disconnect();
  });
});
