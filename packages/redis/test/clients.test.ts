import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLimiter, createLocks, tokenBucket } from '@headgate/core';
import { createFaultProxy, freePort, sharedServer, skipReason, startRedis, until } from '@headgate/test-servers';
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { ask, isStoreError, recovered, request, spent, take } from './asking.js';
import { nodesOf } from './fixtures.js';

const drivers = {
  'ioredis 6': { Redis: Redis6, Cluster: Cluster6 },
  'ioredis 5': { Redis: Redis5 as unknown as typeof Redis6, Cluster: Cluster5 as unknown as typeof Cluster6 },
} as const;

/** What a client must have for `useClient`. */
const careful = { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 } as const;

type AnyClient = Redis6 | Cluster6;

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

/** The options of a cluster that are varied here. */
interface ClusterVariant {
  readonly lazyConnect?: boolean;
  readonly enableOfflineQueue?: boolean;
  readonly keyPrefix?: string;
  readonly scaleReads?: 'all';
  readonly retryDelayOnFailover?: number;
}

function quiet<T extends AnyClient>(client: T): T {
  client.on('error', () => {});
  return client;
}

const listenersOf = (client: AnyClient): Readonly<Record<string, number>> =>
  Object.fromEntries(client.eventNames().map((event) => [String(event), client.listenerCount(event)]));

/** Everything that goes through other commands: limits, a lock handed over by message, a listing and the end of a session. */
async function everything(client: AnyClient, useClient: boolean): Promise<void> {
  const prefix = `c-${randomUUID()}`;
  const limiterStore = redisLimiterStore({ client, useClient, prefix });
  const lockStore = redisLockStore({ client, useClient, prefix });
  const limiter = createLimiter({
    name: 'l',
    store: limiterStore,
    limits: tokenBucket({ capacity: 5, refillIntervalMs: 1e6 }),
  });
  const decisions = await Promise.all(Array.from({ length: 20 }, () => limiter.consume('k')));
  assert.equal(decisions.filter(({ allowed }) => allowed).length, 5);

  const woken: string[] = [];
  const unwatch = lockStore.watch?.({ wake: (key) => void woken.push(key), lost: () => {} });
  const lease = await take(lockStore, 'w');
  assert.equal((await lockStore.acquire(request('w', { waiter: { ttlMs: 5_000 } }))).acquired, false);
  await lockStore.release([lease]);
  await until(() => woken.includes('w'), { timeoutMs: 5_000, what: 'the wake-up' });
  unwatch?.();

  const locks = createLocks({ name: 'files', store: lockStore, ttlMs: 10_000 });
  const session = locks.session('s');
  const held = [await session.acquire('a'), await session.acquire('b')];
  const listed: string[] = [];
  for await (const { key } of session.list()) listed.push(key);
  assert.equal(listed.length, 2);
  assert.equal((await locks.releaseSession('s')).released.length, 2);
  await until(() => held.every(({ signal }) => signal.aborted), { timeoutMs: 5_000, what: 'the holder to be told' });
  await limiter.close();
  await locks.close();
  await Promise.all([limiterStore.close(), lockStore.close()]);
}

const standalone = skipReason('redis');
const cluster = skipReason('redis-cluster');

describe.skipIf(standalone !== undefined).each(['ioredis 6', 'ioredis 5'] as const)('clients of %s', (driver) => {
  const { Redis } = drivers[driver];
  let url: URL;
  beforeAll(async () => {
    url = new URL((await sharedServer('redis')).url);
  });

  const open = (options: ClientVariant): Redis6 =>
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

  it.each(Object.keys(variants))('a duplicate of a client with %s does everything', async (variant) => {
    const client = open({ ...variants[variant], stringNumbers: true });
    await everything(client, false);
    assert.equal(client.status, variants[variant]?.lazyConnect ? 'wait' : 'ready');
    client.disconnect();
  });

  it.each(Object.keys(variants))(
    'a client that is used itself, with %s, does everything and stays open',
    async (variant) => {
      const client = open({ ...variants[variant], ...careful });
      await everything(client, true);
      const before = listenersOf(client);
      await everything(client, true); // A second time, so that all that ioredis adds when it connects is there before.
      assert.equal(client.status, 'ready');
      assert.equal(await client.ping(), 'PONG');
      assert.deepEqual(listenersOf(client), before);
      client.disconnect();
    },
  );

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
    assert.ok(performance.now() - startMs < 100, 'it waited for a server that is away');
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
    assert.deepEqual(await lockStore.releaseSession({ prefix: '', sessionId: 's' }), { released: ['k'], pending: [] });
    lockStore.watch?.({ wake: () => {}, lost: () => {} });
    await lockStore.acquire(request('k', { waiter: { ttlMs: 1_000 } }));
    assert.deepEqual(warnings, []);
    await Promise.all([store.close(), lockStore.close()]);
    client.disconnect();
    admin.disconnect();
  });
});

/** What the README says that the server needs, as ACL rules. */
function leastRights(): string[] {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, list = ''] = /The server needs ([\s\S]*?), on keys and channels/.exec(readme) ?? [];
  const commands = [...list.matchAll(/`([a-z]+)`/g)].map(([, command]) => `+${command}`);
  assert.ok(commands.length > 10, list);
  return ['~headgate:*', 'resetchannels', '&headgate:*', ...commands];
}

describe.skipIf(cluster !== undefined).each(['ioredis 6', 'ioredis 5'] as const)('clusters of %s', (driver) => {
  const { Cluster } = drivers[driver];
  const open = async (options: ClusterVariant): Promise<Cluster6> =>
    quiet(new Cluster(nodesOf((await sharedServer('redis-cluster')).url), options));

  const variants: Readonly<Record<string, ClusterVariant>> = {
    plain: {},
    'lazyConnect and no offline queue': { lazyConnect: true, enableOfflineQueue: false },
    keyPrefix: { keyPrefix: `app-${randomUUID()}:` },
    'reads from replicas': { scaleReads: 'all' },
  };

  it.each(Object.keys(variants))('a duplicate of a cluster with %s does everything', async (variant) => {
    const client = await open(variants[variant] ?? {});
    await everything(client, false);
    assert.equal(client.status, variants[variant]?.lazyConnect ? 'wait' : 'ready');
    client.disconnect();
  });

  it.each(Object.keys(variants))(
    'a cluster that is used itself, with %s, does everything and stays open',
    async (variant) => {
      const client = await open({ ...variants[variant], retryDelayOnFailover: 0 });
      await everything(client, true);
      const before = listenersOf(client);
      await everything(client, true); // A second time, so that all that ioredis adds when it connects is there before.
      assert.equal(client.status, 'ready');
      assert.equal(await client.ping(), 'PONG');
      assert.deepEqual(listenersOf(client), before);
      client.disconnect();
    },
  );

  it('a cluster that is used itself hears no more of our channel once the store is closed', async () => {
    const client = await open({ retryDelayOnFailover: 0 });
    const prefix = `c-${randomUUID()}`;
    const lockStore = redisLockStore({ client, useClient: true, prefix });
    lockStore.watch?.({ wake: () => {}, lost: () => {} });
    await lockStore.acquire(request('k', { waiter: { ttlMs: 1_000 } }));
    const channels = async (): Promise<number> => {
      const lists = await Promise.all(client.nodes('master').map((node) => node.pubsub('CHANNELS', `${prefix}:*`)));
      return lists.flat().length;
    };
    assert.equal(await channels(), 1);
    await lockStore.close();
    await until(async () => (await channels()) === 0, { timeoutMs: 2_000, what: 'the end of the subscription' });
    client.disconnect();
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // Node makes no certificates itself.
  }
}

const noTls = standalone ?? (hasOpenssl() ? undefined : 'there is no openssl to make a certificate with');

describe.skipIf(noTls !== undefined)(`over TLS${noTls ? ` (skipped: ${noTls})` : ''}`, () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'headgate-tls-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each(['ioredis 6', 'ioredis 5'] as const)(
    'everything works, for a duplicate and for the client itself (%s)',
    async (driver) => {
      const [key, cert] = [path.join(directory, 'key.pem'), path.join(directory, 'cert.pem')];
      const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
      const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject];
      execFileSync('openssl', make, { stdio: 'ignore' });
      const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
      const port = await freePort();
      await using server = await startRedis({
        args: ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files],
      });
      const client = quiet(
        new drivers[driver].Redis({ host: server.host, port, tls: { ca: readFileSync(cert) }, ...careful }),
      );
      await everything(client, false);
      await everything(client, true);
      const strangers = quiet(new drivers[driver].Redis({ host: server.host, port, tls: {}, lazyConnect: true }));
      const store = redisLimiterStore({ client: strangers });
      await assert.rejects(ask(store, 'k'), isStoreError('connection'));
      await store.close();
      strangers.disconnect();
      client.disconnect();
    },
  );
});
