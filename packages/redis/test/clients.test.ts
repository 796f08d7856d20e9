import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createFaultProxy, sharedServer, skipReason, startRedis, until } from '@headgate/test-servers';
import { beforeAll, describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { ask, atOnceMs, isStoreError, recovered, request, spent, take } from './asking.js';
import { careful, drivers, quiet, servesBothWays } from './client-kinds.js';
import type { Redis as AnyRedis } from 'ioredis';

/** The options of a client that are varied here. */
interface ClientVariant {
  readonly lazyConnect?: boolean;
  readonly enableOfflineQueue?: boolean;
  readonly keyPrefix?: string;
  readonly db?: number;
  readonly enableAutoPipelining?: boolean;
  readonly scripts?: Record<string, { lua: string; numberOfKeys: number }>;
  readonly stringNumbers?: true;
  readonly autoResendUnfulfilledCommands?: boolean;
  readonly maxRetriesPerRequest?: number;
}

describe.skipIf(skipReason('redis') !== undefined).each(['ioredis 6', 'ioredis 5'] as const)(
  'clients of %s',
  (driver) => {
    const { Redis } = drivers[driver];
    let url: URL;
    beforeAll(async () => {
      url = new URL((await sharedServer('redis')).url);
    });

    const open = (options: ClientVariant): AnyRedis =>
      quiet(new Redis({ host: url.hostname, port: Number(url.port), ...options }));

    const variants: Readonly<Record<string, ClientVariant>> = {
      plain: {},
      lazyConnect: { lazyConnect: true },
      'no offline queue': { lazyConnect: true, enableOfflineQueue: false },
      keyPrefix: { keyPrefix: `app-${randomUUID()}:` },
      'another database': { db: 3 },
      'automatic pipelining': { enableAutoPipelining: true },
      'a script of its own': { scripts: { mine: { lua: 'return 1', numberOfKeys: 0 } } },
    };

    servesBothWays('client', variants, {
      toDuplicate: (variant) => open({ ...variant, stringNumbers: true }),
      toUse: (variant) => open({ ...variant, ...careful }),
    });

    it('keys lie under the client’s keyPrefix and in its database', async () => {
      const keyPrefix = `app-${randomUUID()}:`;
      const client = open({ keyPrefix, db: 3 });
      const raw = open({ db: 3 });
      const store = redisLimiterStore({ client, buckets: 1 });
      const lockStore = redisLockStore({ client, buckets: 1 });
      await ask(store, 'k');
      await take(lockStore, 'k', { sessionId: 's' });
      assert.deepEqual((await raw.keys(`${keyPrefix}*`)).sort(), [
        `${keyPrefix}headgate:{0}:h`,
        `${keyPrefix}headgate:{0}:l:k`,
        `${keyPrefix}headgate:{0}:r:k`,
        `${keyPrefix}headgate:{0}:s:s`,
      ]);
      await Promise.all([store.close(), lockStore.close()]);
      client.disconnect();
      raw.disconnect();
    });

    it('closing a store ends its own connections and leaves the client’s', async () => {
      await using server = await startRedis();
      const client = quiet(new Redis(server.url, { connectionName: 'mine' }));
      const names = async (): Promise<string[]> =>
        [...String(await client.client('LIST')).matchAll(/ name=(\S*)/g)].map(([, name]) => name ?? '').sort();
      const store = redisLimiterStore({ client });
      const lockStore = redisLockStore({ client });
      lockStore.watch?.({ wake: () => {}, lost: () => {} });
      await ask(store, 'k');
      await lockStore.acquire(request('k', { waiter: { ttlMs: 1_000 } }));
      assert.deepEqual(await names(), ['mine', 'mine:headgate', 'mine:headgate', 'mine:headgate']);
      await Promise.all([store.close(), lockStore.close()]);
      await until(async () => (await names()).length === 1, { timeoutMs: 2_000, what: 'the end of our connections' });
      assert.deepEqual(await names(), ['mine']);
      await assert.rejects(ask(store, 'k'), { code: 'HEADGATE_CLOSED' });
      await assert.rejects(take(lockStore, 'k'), { code: 'HEADGATE_CLOSED' });
      client.disconnect();
    });

    it('one client serves several stores at once, and closing one leaves the others', async () => {
      const client = open({ ...careful });
      const prefix = `c-${randomUUID()}`;
      const stores = [1, 2, 3].map(() => redisLimiterStore({ client, useClient: true, prefix }));
      await Promise.all(stores.map((store) => ask(store, 'k')));
      await stores[0]?.close();
      for (const store of stores.slice(1)) await ask(store, 'k');
      assert.equal(await spent(stores[1] as (typeof stores)[0], 'k'), 5);
      await Promise.all(stores.map((store) => store.close()));
      assert.equal(await client.ping(), 'PONG');
      client.disconnect();
    });

    it('a client that is used itself never sends a call twice, holds none back and comes back by itself', async () => {
      await using server = await startRedis();
      await using proxy = await createFaultProxy({ target: server });
      const client = quiet(new Redis({ host: proxy.host, port: proxy.port, retryStrategy: () => 30, ...careful }));
      const store = redisLimiterStore({ client, useClient: true });
      await ask(store, 'k');
      const lost = proxy.dropNextReply({ when: (data) => data.includes('evalsha') });
      await assert.rejects(ask(store, 'k'), isStoreError('connection'));
      await lost;
      await proxy.refuse();
      proxy.cut();
      await until(() => client.status !== 'ready', { timeoutMs: 2_000, what: 'the loss' });
      const startMs = performance.now();
      await assert.rejects(ask(store, 'k'), isStoreError('connection'));
      assert.ok(performance.now() - startMs < atOnceMs, 'it waited for a server that is away');
      await proxy.pass();
      await recovered(() => ask(store, 'any'), isStoreError('connection'));
      assert.equal(await spent(store, 'k'), 2);
      await store.close();
      client.disconnect();
    });

    it('a name and a password of an ACL user with no more than the README lists do everything', async () => {
      await using server = await startRedis();
      const admin = quiet(new Redis(server.url));
      await admin.acl('SETUSER', 'least', 'on', '>secret', ...leastRights());
      await admin.acl('SETUSER', 'default', 'off');
      const client = quiet(new Redis({ host: server.host, port: server.port, username: 'least', password: 'secret' }));
      const warnings: string[] = [];
      const store = redisLimiterStore({ client });
      const lockStore = redisLockStore({ client, onWarning: (message) => void warnings.push(message) });
      await ask(store, 'k');
      const lease = await take(lockStore, 'k', { sessionId: 's' });
      assert.deepEqual(await lockStore.extend([{ ...lease, ttlMs: 5_000 }]), [{ extended: true }]);
      assert.deepEqual(await lockStore.releaseSession({ prefix: '', sessionId: 's' }), {
        released: ['k'],
        pending: [],
      });
      lockStore.watch?.({ wake: () => {}, lost: () => {} });
      await lockStore.acquire(request('k', { waiter: { ttlMs: 1_000 } }));
      assert.deepEqual(warnings, []);
      await Promise.all([store.close(), lockStore.close()]);
      client.disconnect();
      admin.disconnect();
    });
  },
);

/** What the README says that the server needs, as ACL rules. */
function leastRights(): string[] {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, list = ''] = /The server needs ([\s\S]*?), on keys and channels/.exec(readme) ?? [];
  const commands = [...list.matchAll(/`([a-z]+)`/g)].map(([, command]) => `+${command}`);
  assert.ok(commands.length > 10, list);
  return ['~headgate:*', 'resetchannels', '&headgate:*', ...commands];
}
