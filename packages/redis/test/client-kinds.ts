import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createLimiter, createLocks, tokenBucket } from '@headgate/core';
import { until } from '@headgate/test-servers';
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { request, take } from './asking.js';

/** The classes of each driver that we promise to work with. */
export const drivers = {
  'ioredis 6': { Redis: Redis6, Cluster: Cluster6 },
  'ioredis 5': { Redis: Redis5 as unknown as typeof Redis6, Cluster: Cluster5 as unknown as typeof Cluster6 },
} as const;

/** What a client must have for `useClient`. */
export const careful = { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 } as const;

/** A client of one server or of a cluster. */
export type AnyClient = Redis6 | Cluster6;

/** The same client, whose errors are reported by the stores that use it. */
export function quiet<T extends AnyClient>(client: T): T {
  client.on('error', () => {});
  return client;
}

/** A client of one server that connects when it is used and comes back within 50 ms of the server. */
export function clientOf(url: string): Redis6 {
  return quiet(new Redis6(url, { lazyConnect: true, retryStrategy: () => 50 }));
}

const listenersOf = (client: AnyClient): Readonly<Record<string, number>> =>
  Object.fromEntries(client.eventNames().map((event) => [String(event), client.listenerCount(event)]));

/** Everything that goes through other commands: limits, a lock handed over by message, a listing and the end of a session. */
export async function everything(client: AnyClient, useClient: boolean): Promise<void> {
  const prefix = `c-${randomUUID()}`;
  const limiterStore = redisLimiterStore({ client, useClient, prefix });
  const lockStore = redisLockStore({ client, useClient, prefix });
  const limiter = createLimiter({
    name: 'l',
    store: limiterStore,
    limits: tokenBucket({ capacity: 5, refillIntervalMs: 1e6 }),
    timeoutMs: 20_000, // Patience, because this is about what works: the first call has to connect.
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

  const locks = createLocks({ name: 'files', store: lockStore, ttlMs: 10_000, timeoutMs: 20_000 });
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

/** The two ways of handing a client to a store, for each of `variants`: everything works through a duplicate of it, and through the client itself. */
export function servesBothWays<Variant extends { readonly lazyConnect?: boolean }>(
  what: 'client' | 'cluster',
  variants: Readonly<Record<string, Variant>>,
  open: {
    readonly toDuplicate: (variant: Variant) => AnyClient | Promise<AnyClient>;
    readonly toUse: (variant: Variant) => AnyClient | Promise<AnyClient>;
  },
): void {
  const cases = Object.entries(variants);

  it.each(cases)(`a duplicate of a ${what} with %s does everything`, async (_name, variant) => {
    const client = await open.toDuplicate(variant);
    await everything(client, false);
    assert.equal(client.status, variant.lazyConnect ? 'wait' : 'ready');
    client.disconnect();
  });

  it.each(cases)(`a ${what} that is used itself, with %s, does everything and stays open`, async (_name, variant) => {
    const client = await open.toUse(variant);
    await everything(client, true);
    const before = listenersOf(client);
    await everything(client, true); // A second time, so that all that ioredis adds when it connects is there before.
    assert.equal(client.status, 'ready');
    assert.equal(await client.ping(), 'PONG');
    assert.deepEqual(listenersOf(client), before);
    client.disconnect();
  });
}
