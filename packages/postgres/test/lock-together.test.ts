import { postgresLockStore } from '@headgate/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from './database.js';
import { request, take } from './lock-requests.js';
import type { AcquireRequest, LockStore } from '@headgate/core';
import type { TestDatabase } from './database.js';

const keys = Array.from({ length: 40 }, (_, i) => `together ${i}`);

describe('many locks taken in one statement', () => {
  let database: TestDatabase;
  const stores: LockStore[] = [];
  const openStore = (): LockStore => {
    const store = postgresLockStore({ connection: database.url, schema: database.schema });
    stores.push(store);
    return store;
  };
  /** Asks for everything in one turn. */
  const ask = (store: LockStore, requests: readonly AcquireRequest[]) =>
    Promise.all(requests.map((each) => store.acquire(each)));
  const held = async (): Promise<number> => {
    const { rows } = await database.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_locks JOIN pg_stat_activity USING (pid)
       WHERE locktype = 'advisory' AND granted AND application_name = 'headgate locks'`,
    );
    return (rows[0] as { n: number }).n;
  };
  beforeAll(async () => {
    database = await openDatabase();
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await database.drop();
  });

  it('grants what is free, and refuses what is held or waited for, each with its own answer', async () => {
    const [first, second] = [openStore(), openStore()];
    const own = await take(first, keys[3] as string, { ownerId: 'the holder' });
    const waited = await take(first, keys[5] as string);
    await second.acquire(request(keys[5] as string, { waiter: { ttlMs: 60_000 } }));
    await first.release([waited]);
    const replies = await ask(
      openStore(),
      keys.map((key) => request(key)),
    );
    for (const [i, reply] of replies.entries()) expect(reply.acquired, `${i}`).toBe(i !== 3 && i !== 5);
    expect(replies[3]).toMatchObject({ holders: [{ ownerId: 'the holder', fencingToken: own.fencingToken }] });
    expect(replies[5]).toMatchObject({ holders: [] });
  });

  it('sends one full batch behind the other, and asks for a lock again only when it knows what became of it', async () => {
    const store = openStore();
    await take(store, 'the first, with which the connection is there');
    const names = Array.from({ length: 600 }, (_, i) => `one of many ${i}`);
    const asked = [...names, ...names].map((key) => request(key));
    const replies = await ask(store, asked);
    for (const [i, reply] of replies.entries()) {
      if (i < names.length) expect(reply.acquired, `${i}`).toBe(true);
      else expect(reply, `${i}`).toMatchObject({ holders: [{ leaseId: asked[i - names.length]?.leaseId }] });
    }
    const released = await store.release(
      replies.flatMap((reply, i) =>
        reply.acquired ? [{ ...(asked[i] as AcquireRequest), fencingToken: reply.fencingToken }] : [],
      ),
    );
    expect(released.filter((each) => each.released)).toHaveLength(names.length);
  });

  it('gives blocks of tokens above all earlier ones, and shows each holder', async () => {
    const names = keys.map((key) => `tokens of ${key}`);
    const store = openStore();
    const before = await ask(
      store,
      names.map((key) => request(key, { leaseId: 'one', tokens: 3 })),
    );
    const released = await store.release(
      before.flatMap((reply, i) =>
        reply.acquired
          ? [{ key: names[i] as string, leaseId: 'one', mode: 'exclusive', fencingToken: reply.fencingToken } as const]
          : [],
      ),
    );
    expect(released).toEqual(names.map(() => ({ released: true })));
    const after = await ask(
      store,
      names.map((key) => request(key, { leaseId: 'two', ownerId: key, sessionId: 'session', tokens: 2 })),
    );
    for (const [i, reply] of after.entries()) {
      const earlier = before[i];
      if (!reply.acquired || !earlier?.acquired) throw new Error('A free lock was refused');
      expect(earlier.lastToken - earlier.fencingToken).toBe(2);
      expect(reply.lastToken - reply.fencingToken).toBe(1);
      expect(reply.fencingToken).toBeGreaterThan(earlier.lastToken);
      expect(await store.inspect(names[i] as string)).toMatchObject({
        holders: [{ leaseId: 'two', ownerId: names[i], sessionId: 'session', fencingToken: reply.fencingToken }],
        fencingToken: reply.lastToken,
      });
    }
  });

  it('holds nothing of a statement that failed', async () => {
    const before = await held();
    const table = `"${database.schema}".locks`;
    await database.pool.query(
      `ALTER TABLE ${table} ADD CONSTRAINT refuses CHECK (key <> 'refused 7'::bytea) NOT VALID`,
    );
    const store = openStore();
    const names = Array.from({ length: 20 }, (_, i) => `refused ${i}`);
    const asked = names.map((key) => request(key));
    const outcomes = await Promise.allSettled(asked.map((each) => store.acquire(each)));
    expect(outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([7]);
    expect(await held()).toBe(before + 19);
    // A session may hold a lock twice, which only its release tells.
    const granted = outcomes.flatMap((each, i) =>
      each.status === 'fulfilled' && each.value.acquired
        ? [{ ...(asked[i] as AcquireRequest), fencingToken: each.value.fencingToken }]
        : [],
    );
    await store.release(granted);
    expect(await held()).toBe(before);
    await database.pool.query(`ALTER TABLE ${table} DROP CONSTRAINT refuses`);
    expect(await openStore().acquire(request('refused 7'))).toMatchObject({ acquired: true });
  });

  it('is never granted twice, and deadlocks with nobody, when several want the same locks in different orders', async () => {
    const contenders = [openStore(), openStore(), openStore()];
    const names = keys.map((key) => `wanted ${key}`);
    const holders = new Map<string, number>();
    const contend = async (store: LockStore, who: number): Promise<number> => {
      let grants = 0;
      for (let round = 0; round < 15; round++) {
        const order = names
          .map((key, i) => ({ key, at: (i * (7 + 2 * who) + round) % 41 }))
          .sort((a, b) => a.at - b.at);
        const turns = order.map(async ({ key }, i) => {
          // Half of them come while the others are under way, so that releases and acquires share statements.
          if (i % 2 === 1) await new Promise(setImmediate);
          const asked = request(key);
          const reply = await store.acquire(asked);
          if (!reply.acquired) return;
          grants++;
          expect(holders.get(key)).toBeUndefined();
          holders.set(key, who);
          await new Promise(setImmediate);
          holders.delete(key);
          expect(await store.release([{ ...asked, fencingToken: reply.fencingToken }])).toEqual([{ released: true }]);
        });
        await Promise.all(turns);
      }
      return grants;
    };
    const grants = await Promise.all(contenders.map(contend));
    for (const each of grants) expect(each).toBeGreaterThan(0);
  });
});
