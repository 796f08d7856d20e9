import { execFile as execFileOf } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { postgresLockStore } from '@headgate/postgres';
import { until } from '@headgate/test-servers';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openDatabase } from './database.js';
import { losses, refused, request, take } from './lock-requests.js';
import type { LockStore } from '@headgate/core';
import type { PostgresLockStoreOptions } from '@headgate/postgres';
import type { TestDatabase } from './database.js';

const execFile = promisify(execFileOf);
let database: TestDatabase;
const open: LockStore[] = [];
beforeAll(async () => {
  database = await openDatabase();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()));
});
afterAll(() => database.drop());

function openStore(options: Partial<PostgresLockStoreOptions> = {}): LockStore {
  const store = postgresLockStore({ connection: database.url, schema: database.schema, ...options });
  open.push(store);
  return store;
}

async function backends(): Promise<{ pid: number; locks: number; xmin: string | null }[]> {
  const { rows } = await database.pool.query<{ pid: number; locks: number; xmin: string | null }>(
    `SELECT a.pid, a.backend_xmin::text AS xmin, (SELECT count(*)::int FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory') AS locks
     FROM pg_stat_activity a WHERE application_name LIKE 'headgate%' ORDER BY 1`,
  );
  return rows;
}

it('1,000 locks of three ttl classes are held on 3 connections, with 1 more that waits, and all go with a release', async () => {
  const store = openStore();
  const ttls = [10_000, 60_000, 600_000];
  const held = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => take(store, `many ${i}`, { ttlMs: ttls[i % 3] as number })),
  );
  const all = await backends();
  expect(all).toHaveLength(4);
  expect(all.map(({ locks }) => locks).sort((a, b) => a - b)).toEqual([0, 333, 333, 334]);
  for (const reply of await store.release(held)) expect(reply).toEqual({ released: true });
  expect((await backends()).map(({ locks }) => locks)).toEqual([0, 0, 0, 0]);
});

it('a hundred waiters wait on one connection and pin no snapshot', async () => {
  const [holder, waiting] = [openStore(), openStore()];
  await take(holder, 'pinned');
  await Promise.all(Array.from({ length: 100 }, () => refused(waiting, 'pinned', { waiter: { ttlMs: 10_000 } })));
  const all = await backends();
  expect(all.length).toBeLessThanOrEqual(4);
  expect(all.map(({ xmin }) => xmin)).toEqual(all.map(() => null));
});

it('ending a lock backend loses exactly its leases, at once, and frees their keys', async () => {
  const [store, other] = [openStore(), openStore()];
  const told = losses(store);
  const short = [await take(store, 'ended a'), await take(store, 'ended b')];
  const long = await take(store, 'stays', { ttlMs: 60_000 });
  const { rows } = await database.pool.query<{ pid: number }>(
    `SELECT DISTINCT pid FROM "${database.schema}".leases WHERE lease_id = $1`,
    [short[0]?.leaseId],
  );
  await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  await until(() => told.length > 0, { timeoutMs: 2_000, what: 'the loss to be told' });
  expect(told.map(({ leaseId, reason }) => [leaseId, reason]).sort()).toEqual(
    short.map(({ leaseId }) => [leaseId, 'connection']).sort(),
  );
  expect((await take(other, 'ended a')).fencingToken).toBeGreaterThan(short[0]?.lastToken ?? Infinity);
  await refused(other, 'stays');
  expect(await store.extend([{ ...long, ttlMs: 60_000 }])).toEqual([{ extended: true }]);
});

it('keys whose hashes collide contend with each other, visibly, and are never both granted', async () => {
  const colliding = { hashLock: () => 42n };
  const [store, other] = [openStore(colliding), openStore(colliding)];
  const first = await take(store, 'collides 1', { ownerId: 'first' });
  for (const each of [store, other]) {
    const reply = await each.acquire(request('collides 2'));
    expect(reply).toMatchObject({ acquired: false, holders: [{ leaseId: first.leaseId, ownerId: 'first' }] });
  }
  expect(await store.inspect('collides 2')).toBeNull();
  expect(await store.inspect('collides 1')).toMatchObject({ key: 'collides 1', holders: [{ leaseId: first.leaseId }] });
  await store.release([first]);
  const second = await take(other, 'collides 2');
  await refused(store, 'collides 1');
  await other.release([second]);
  expect((await take(store, 'collides 1')).fencingToken).toBeGreaterThan(first.lastToken);
});

it('readers of colliding keys hold together, and each ends only its own', async () => {
  const store = openStore({ hashLock: () => 43n });
  const [one, two] = [
    await take(store, 'reads 1', { mode: 'shared' }),
    await take(store, 'reads 2', { mode: 'shared' }),
  ];
  expect(await store.release([one])).toEqual([{ released: true }]);
  await refused(store, 'reads 1');
  expect(await store.release([two])).toEqual([{ released: true }]);
  await take(store, 'reads 1');
});

it('a statement that fails after the lock was taken leaves nothing held, and fails alone in its batch', async () => {
  const { pool, schema } = database;
  await pool.query(`ALTER TABLE "${schema}".leases ADD CONSTRAINT refuses CHECK (permits <> 7)`);
  const [store, other] = [openStore(), openStore()];
  const outcomes = await Promise.allSettled([
    take(store, 'fails a'),
    take(store, 'fails b', { permits: 7 }),
    take(store, 'fails c', { mode: 'permit', permits: 7 }),
    take(store, 'fails d'),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: { code: 'HEADGATE_STORE' } });
  expect((await backends()).map(({ locks }) => locks).sort()).toEqual([0, 2]);
  await take(other, 'fails b');
  await take(other, 'fails c', { mode: 'permit', permits: 1 });
  await pool.query(`ALTER TABLE "${schema}".leases DROP CONSTRAINT refuses`);
});

/** Holders become deaf, as a process that hangs would be: their inbox is gone and does not come back. */
async function deafen(): Promise<void> {
  await database.pool.query(
    `UPDATE "${database.schema}".leases SET channel = 'headgate_nobody' WHERE lock_id IN (SELECT lock_id FROM "${database.schema}".locks)`,
  );
}

it('a process that terminates a holder stays for that, and ends by itself when it is done', async () => {
  const stuck = await take(openStore(), 'stuck for a while');
  await deafen();
  const program = fileURLToPath(new URL('programs/operator.mjs', import.meta.url));
  const ran = await execFile(process.execPath, [program, database.url, database.schema, 'stuck for a while'], {
    timeout: 20_000,
  });
  expect(ran).toMatchObject({ stdout: stuck.leaseId, stderr: '' });
});

it('a store that is closed while it waits for a stuck holder says so, and opens no connection again', async () => {
  const [store, operator] = [openStore(), openStore()];
  await take(store, 'stuck at the end');
  await deafen();
  const forced = operator.forceRelease('stuck at the end', { terminate: true });
  const outcome = forced.catch((error: unknown) => error);
  const evicted = `SELECT FROM "${database.schema}".leases WHERE evict IS NOT NULL`;
  await until(async () => (await database.pool.query(evicted)).rowCount === 1, {
    timeoutMs: 5_000,
    what: 'the holder to be asked',
  });
  await operator.close();
  expect(await outcome).toMatchObject({ code: 'HEADGATE_CLOSED' });
  await store.close();
  await until(async () => (await backends()).length === 0, { timeoutMs: 3_000, what: 'the connections to end' });
});

it('terminate ends a holder that does not answer, and names what went with it', async () => {
  const [store, operator] = [openStore(), openStore()];
  const told = losses(store);
  const stuck = await take(store, 'stuck');
  const beside = await take(store, 'beside');
  await deafen();
  const asked = await operator.forceRelease('stuck');
  expect(asked).toMatchObject({ released: [], pending: [{ leaseId: stuck.leaseId }] });
  const forced = await operator.forceRelease('stuck', { terminate: true });
  expect(forced).toMatchObject({
    released: [{ leaseId: stuck.leaseId }],
    pending: [],
    collateral: [{ key: 'beside', leaseId: beside.leaseId }],
  });
  await until(() => told.length === 2, { timeoutMs: 2_000, what: 'both losses to be told' });
  expect((await take(operator, 'stuck')).fencingToken).toBeGreaterThan(forced.fencingToken);
  await take(operator, 'beside');
});

it('a token rises although the clock of the server is behind the last one', async () => {
  const store = openStore();
  const first = await take(store, 'behind');
  await store.release([first]);
  const ahead = first.lastToken + 3_600_000_000;
  await database.pool.query(`UPDATE "${database.schema}".locks SET token = $1 WHERE key = 'behind'`, [ahead]);
  expect((await take(store, 'behind', { tokens: 3 })).lastToken).toBe(ahead + 3);
});

it('an eviction is learnt from a renewal when the message for it was lost', async () => {
  const store = openStore();
  const told = losses(store);
  const held = await take(store, 'unheard');
  await database.pool.query(`UPDATE "${database.schema}".leases SET evict = 'forced' WHERE lease_id = $1`, [
    held.leaseId,
  ]);
  expect(await store.extend([{ ...held, ttlMs: 10_000 }])).toEqual([{ extended: false, reason: 'forced' }]);
  expect(told).toEqual([{ leaseId: held.leaseId, reason: 'forced' }]);
});

it('a message that comes late evicts no lease that the same id took meanwhile', async () => {
  const store = openStore();
  const told = losses(store);
  const leaseId = 'takes it twice';
  const first = await take(store, 'evicted late', { leaseId });
  await store.release([first]);
  const second = await take(store, 'evicted late', { leaseId });
  const other = await take(store, 'evicted in time');
  const evict = `SELECT pg_notify(channel, 's' || $2 || ' ' || lease_id) FROM "${database.schema}".leases WHERE lease_id = $1`;
  await store.inspect('evicted late'); // from here on it listens
  await database.pool.query(evict, [leaseId, String(first.fencingToken)]);
  await database.pool.query(evict, [other.leaseId, String(other.fencingToken)]);
  await until(() => told.length > 0, { timeoutMs: 5_000, what: 'the second message to be heard' });
  expect(told).toEqual([{ leaseId: other.leaseId, reason: 'session' }]);
  expect(await store.extend([{ ...second, ttlMs: 10_000 }])).toEqual([{ extended: true }]);
});

it('a ttl above the longest class is refused with the option to set', async () => {
  await expect(openStore().acquire(request('long', { ttlMs: 600_001 }))).rejects.toThrow(/ttlClassesMs/);
  expect(() => openStore({ ttlClassesMs: [1, 2, 3, 4] })).toThrow(/1 to 3 durations/);
});

it('locks that nobody holds leave no session state behind, and close ends every connection', async () => {
  const store = openStore();
  await take(store, 'closing');
  await store.close();
  await until(async () => (await backends()).length === 0, { timeoutMs: 3_000, what: 'the connections to end' });
  await expect(store.acquire(request('closed'))).rejects.toMatchObject({ code: 'HEADGATE_CLOSED' });
});
