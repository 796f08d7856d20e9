import { postgresLockStore } from '@headgate/postgres';
import { until } from '@headgate/test-servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { standMs } from '../src/sql/locks-stand.js';
import { openDatabase } from './database.js';
import { request } from './lock-requests.js';
import type { AcquireReply, AcquireRequest, LockStore } from '@headgate/core';
import type { TestDatabase } from './database.js';

let database: TestDatabase;
const open: LockStore[] = [];
beforeAll(async () => {
  database = await openDatabase();
});
beforeEach(() => standFor(standMs));
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()));
});
afterAll(() => database.drop());

/** A process that wants a key, and the leases that it was told to ask for. */
interface Contender {
  readonly store: LockStore;
  readonly asked: AcquireRequest;
  readonly woken: Set<string>;
  ask(): Promise<AcquireReply>;
  release(reply: AcquireReply): Promise<unknown>;
}

function contender(key: string): Contender {
  const store = postgresLockStore({ connection: database.url, schema: database.schema });
  open.push(store);
  const asked = request(key, { waiter: { ttlMs: 10_000 } });
  const woken = new Set<string>();
  store.watch?.({ wake: (_, leaseId) => void (leaseId && woken.add(leaseId)), lost: () => {} });
  const release = (reply: AcquireReply): Promise<unknown> =>
    store.release([{ ...asked, fencingToken: tokenOf(reply) }]);
  return { store, asked, woken, ask: () => store.acquire(asked), release };
}

function tokenOf(reply: AcquireReply): number {
  if (!reply.acquired) throw new Error(`Refused: ${JSON.stringify(reply)}`);
  return reply.fencingToken;
}

const told = (who: Contender): Promise<void> =>
  until(() => who.woken.has(who.asked.leaseId), { timeoutMs: 5_000, what: 'the waiter to be told' });

/** Lets sessions stand for so long in this database: a busy machine may take longer than the usual time to look. */
async function standFor(ms: number): Promise<void> {
  await database.pool.query(`ALTER FUNCTION "${database.schema}".lock_await_v1(bigint) SET lock_timeout = ${ms}`);
}

async function standing(): Promise<number> {
  const { rows } = await database.pool.query(
    "SELECT FROM pg_stat_activity WHERE query LIKE '%' || $1 || '%' AND wait_event_type = 'Lock' AND wait_event = 'advisory'",
    [`"${database.schema}"."lock_stand_v1"`],
  );
  return rows.length;
}

/** Three in line, the second of whom has just been granted, and the third told that it is the next. */
async function passedOn(key: string): Promise<{ holder: Contender; grant: AcquireReply; next: Contender }> {
  const [first, holder, next] = [contender(key), contender(key), contender(key)];
  const held = await first.ask();
  expect((await holder.ask()).acquired).toBe(false);
  expect((await next.ask()).acquired).toBe(false);
  // Only a session that has had nothing else to do for a second stands at a lock.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await first.release(held);
  await told(holder);
  const grant = await holder.ask();
  await told(next);
  return { holder, grant, next };
}

describe('the next in line', () => {
  it('stands at the lock, and has it when it is given back, with nobody told', async () => {
    await standFor(10_000);
    const { holder, grant, next } = await passedOn('stands');
    next.woken.clear();
    const asking = next.ask();
    await until(async () => (await standing()) === 1, { timeoutMs: 5_000, what: 'a session at the lock' });
    expect(await holder.release(grant)).toEqual([{ released: true }]);
    const taken = await asking;
    expect(tokenOf(taken)).toBeGreaterThan(tokenOf(grant));
    expect(next.woken).toEqual(new Set());
    const { holders, waiting } = (await next.store.inspect('stands')) ?? {};
    expect(holders).toMatchObject([{ leaseId: next.asked.leaseId }]);
    expect(waiting).toBe(0);
    const { rows } = await database.pool.query(`SELECT lease_id FROM "${database.schema}".leases`);
    expect(rows).toEqual([{ lease_id: next.asked.leaseId }]);
    expect(await next.release(taken)).toEqual([{ released: true }]);
  });

  it('stands there for a short time only, keeps its place, and is told when the lock is given back later', async () => {
    const { holder, grant, next } = await passedOn('in vain');
    next.woken.clear();
    const askedMs = performance.now();
    expect(await next.ask()).toMatchObject({ acquired: false });
    expect(performance.now() - askedMs).toBeGreaterThan(0.9 * standMs);
    expect(await standing()).toBe(0);
    await holder.release(grant);
    await told(next);
    const taken = await next.ask();
    expect(taken.acquired).toBe(true);
    await next.release(taken);
  });

  it('leaves nothing behind when it gives up while it stands', async () => {
    await standFor(10_000);
    const { holder, grant, next } = await passedOn('gives up');
    const asking = next.ask();
    await until(async () => (await standing()) === 1, { timeoutMs: 5_000, what: 'a session at the lock' });
    const cancelling = next.store.cancelWait(next.asked);
    await holder.release(grant);
    await Promise.all([asking, cancelling]);
    expect(await next.store.inspect('gives up')).toBeNull();
    const free = contender('gives up');
    expect((await free.ask()).acquired).toBe(true);
  });
});
