import assert from 'node:assert/strict';
import { createLimiter, createLocks, tokenBucket } from '@headgate/core';
import { skipReason, startRedisCluster, until } from '@headgate/test-servers';
import { Cluster as Cluster6, Redis } from 'ioredis';
import { Cluster as Cluster5 } from 'ioredis5';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import { answerOf, request, spent, step, take } from './asking.js';
import { nodesOf } from './fixtures.js';
import type { RedisCluster } from '@headgate/test-servers';

const drivers = { 'ioredis 6': Cluster6, 'ioredis 5': Cluster5 as unknown as typeof Cluster6 } as const;
type Driver = keyof typeof drivers;

/** A slot that can be moved by hand, one key at a time, as `redis-cli --cluster reshard --cluster-replace` does it. */
class Slot {
  readonly #slot: number;
  readonly #from: number;
  readonly #to: number;
  readonly #ids: readonly string[];
  readonly #nodes: RedisCluster['nodes'];
  readonly #admins: readonly Redis[];

  private constructor(
    slot: number,
    from: number,
    ids: readonly string[],
    nodes: RedisCluster['nodes'],
    admins: readonly Redis[],
  ) {
    this.#slot = slot;
    this.#from = from;
    this.#to = (from + 1) % ids.length;
    this.#ids = ids;
    this.#nodes = nodes;
    this.#admins = admins;
  }

  /** The slot of a hash tag, wherever it is now. */
  static async of(tag: string, nodes: RedisCluster['nodes'], admins: readonly Redis[]): Promise<Slot> {
    const slot = Number(await admins[0]?.cluster('KEYSLOT', `{${tag}}`));
    const ids = await Promise.all(admins.map(async (admin) => String(await admin.cluster('MYID'))));
    const ranges = (await admins[0]?.cluster('SLOTS')) ?? [];
    const owner = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2]?.[2] ?? '';
    return new Slot(slot, ids.indexOf(owner), ids, nodes, admins);
  }

  get #source(): Redis {
    return this.#admins[this.#from] as Redis;
  }

  get #target(): Redis {
    return this.#admins[this.#to] as Redis;
  }

  async begin(): Promise<void> {
    await this.#target.cluster('SETSLOT', this.#slot, 'IMPORTING', this.#ids[this.#from] as string);
    await this.#source.cluster('SETSLOT', this.#slot, 'MIGRATING', this.#ids[this.#to] as string);
  }

  /** Moves up to so many keys; tells whether there were any. */
  async move(count: number): Promise<boolean> {
    const keys = (await this.#source.cluster('GETKEYSINSLOT', this.#slot, count)) as string[];
    const { host, port } = this.#nodes[this.#to] as { host: string; port: number };
    for (const key of keys) await this.#source.call('MIGRATE', host, port, key, 0, 5_000, 'REPLACE');
    return keys.length > 0;
  }

  async end(): Promise<void> {
    const owner = this.#ids[this.#to] as string;
    await this.#target.cluster('SETSLOT', this.#slot, 'NODE', owner);
    await this.#source.cluster('SETSLOT', this.#slot, 'NODE', owner);
  }
}

describe.skipIf(skipReason('redis-cluster') !== undefined)('a cluster whose slots move', () => {
  let cluster: RedisCluster;
  let admins: Redis[];
  beforeAll(async () => {
    cluster = await startRedisCluster({ masters: 3 });
    admins = cluster.nodes.map((node) => new Redis(node.url));
  });
  afterAll(async () => {
    for (const admin of admins) admin.disconnect();
    await cluster.stop();
  });

  const open = (driver: Driver): Cluster6 => {
    const client = new drivers[driver](nodesOf(cluster.url));
    client.on('error', () => {});
    return client;
  };

  it.each(Object.keys(drivers) as Driver[])(
    'answers every step at every stage, though a batch’s keys lie on both sides (%s)',
    async (driver) => {
      const client = open(driver);
      const prefix = driver.replace(' ', '-');
      const [store, lockStore] = [
        redisLimiterStore({ client, prefix, buckets: 1 }),
        redisLockStore({ client, prefix, buckets: 1 }),
      ];
      const keys = Array.from({ length: 6 }, (_, i) => `k${i}`);
      const held = await take(lockStore, 'held', { sessionId: 's' });
      const waiting = request('held', { waiter: { ttlMs: 20_000 } });
      assert.equal((await lockStore.acquire(waiting)).acquired, false);
      let charged = 0;
      let lastToken = held.fencingToken;
      const look = async (stage: string): Promise<void> => {
        charged++;
        for (const result of await store.decide(
          [...keys, `new ${stage}`].map((key) => step(key)),
          {},
        ))
          answerOf(result);
        for (const key of keys) assert.equal(await spent(store, key), charged, `${key}, ${stage}`);
        const [extended, passing, refused] = await Promise.all([
          lockStore.extend([{ ...held, ttlMs: 20_000 }]),
          take(lockStore, 'passing'),
          lockStore.acquire(request('held')),
        ]);
        assert.deepEqual(extended, [{ extended: true }]);
        assert.equal(refused.acquired, false);
        assert.ok(passing.fencingToken > lastToken, stage);
        lastToken = passing.fencingToken;
        assert.deepEqual(await lockStore.release([passing]), [{ released: true }]);
        assert.equal((await lockStore.inspect('held'))?.waiting, 1);
      };

      await look('before');
      const slot = await Slot.of('0', cluster.nodes, admins);
      await slot.begin();
      await look('begun');
      while (await slot.move(2)) await look('on its way');
      await look('moved');
      await slot.end();
      await look('after');
      assert.deepEqual(await lockStore.release([held]), [{ released: true }]);
      const handed = await lockStore.acquire(waiting);
      assert.ok(handed.acquired && handed.fencingToken > held.fencingToken);
      await Promise.all([store.close(), lockStore.close()]);
      client.disconnect();
    },
  );

  it('admits exactly the limit and holds no lock twice while slots move under load', async () => {
    const [client, other] = [open('ioredis 6'), open('ioredis 6')];
    const stores = [client, other].map((each) => redisLimiterStore({ client: each, prefix: 'load', buckets: 4 }));
    const lockStores = [client, other].map((each) => redisLockStore({ client: each, prefix: 'load', buckets: 4 }));
    const limit = 150;
    const limiters = stores.map((store) =>
      // Patience, because this counts and does not measure time.
      createLimiter({
        name: 'l',
        store,
        timeoutMs: 10_000,
        limits: tokenBucket({ capacity: limit, refillIntervalMs: 1e9 }),
      }),
    );
    const managers = lockStores.map((store) => createLocks({ name: 'f', store, ttlMs: 15_000, timeoutMs: 10_000 }));
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    const admitted = new Map(keys.map((key) => [key, 0]));
    const tokens = new Map<string, number>();
    const inside = new Set<string>();
    let grants = 0;
    const load = new AbortController();
    const consume = async (index: number): Promise<void> => {
      const limiter = limiters[index % 2] as (typeof limiters)[0];
      for (let i = index; !load.signal.aborted; i++) {
        const key = keys[i % keys.length] as string;
        const decision = await limiter.consume(key);
        if (decision.allowed) admitted.set(key, (admitted.get(key) ?? 0) + 1);
      }
    };
    const hold = async (index: number): Promise<void> => {
      const locks = managers[index % 2] as (typeof managers)[0];
      for (let i = index; !load.signal.aborted; i++) {
        const key = `f${i % 3}`;
        await locks.withLock(key, async (lock) => {
          assert.ok(!inside.has(key), `${key} is held twice`);
          inside.add(key);
          assert.ok(lock.fencingToken > (tokens.get(key) ?? 0));
          tokens.set(key, lock.fencingToken);
          await Promise.resolve();
          grants++;
          inside.delete(key);
        });
      }
    };
    const callers = Promise.all([
      ...Array.from({ length: 12 }, (_, i) => consume(i)),
      ...Array.from({ length: 6 }, (_, i) => hold(i)),
    ]);
    // `callers` rejects on the first error: none is expected, because no connection is lost.
    const moveAll = async (): Promise<void> => {
      for (const tag of ['0', '1', '2', '3']) {
        const slot = await Slot.of(tag, cluster.nodes, admins);
        await slot.begin();
        while (await slot.move(1)) {
          const before = grants;
          await until(() => grants > before, { timeoutMs: 5_000, intervalMs: 1, what: 'a grant meanwhile' });
        }
        await slot.end();
      }
      await until(() => [...admitted.values()].every((count) => count >= limit), {
        timeoutMs: 10_000,
        what: 'the limits to be used up',
      });
    };
    await Promise.race([moveAll(), callers]);
    load.abort();
    await callers;
    assert.deepEqual(
      [...admitted.values()],
      keys.map(() => limit),
    );
    await Promise.all([...limiters, ...managers].map((each) => each.close()));
    await Promise.all([...stores, ...lockStores].map((store) => store.close()));
    client.disconnect();
    other.disconnect();
  });
});
