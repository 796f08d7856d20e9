import { postgresLimiterStore, postgresLockStore } from '@headgate/postgres';
import { tokenBucket } from '@headgate/core';
import { spawnNode, startPgBouncer, startPostgres, until } from '@headgate/test-servers';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from './database.js';
import { losses, refused, request, take } from './lock-requests.js';
import type { TestServer } from '@headgate/test-servers';
import type { TestDatabase } from './database.js';

const ttlClassesMs = [1_000, 600_000];

describe.each(['system', 'embedded'] as const)('PostgreSQL of the %s', (version) => {
  let server: TestServer;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await startPostgres({ version });
    database = await openDatabase({ url: server.url });
  });
  afterAll(async () => {
    await database.pool.end();
    await server.stop();
  });
  const openStore = () => postgresLockStore({ connection: server.url, schema: database.schema, ttlClassesMs });

  it('a stopped process loses its lock within its ttl class, and learns so when it goes on', async () => {
    const store = openStore();
    const holder = await spawnNode(new URL('programs/holder.mjs', import.meta.url).pathname, [
      server.url,
      database.schema,
      '1000',
    ]);
    const first = (await holder.next({ timeoutMs: 10_000 })) as { fencingToken: number };
    await refused(store, 'held by a process');
    holder.pause();
    const stoppedMs = performance.now();
    await until(async () => (await store.acquire(request('held by a process', { leaseId: 'next' }))).acquired, {
      timeoutMs: 5_000,
      what: 'the server to end the session',
    });
    // 1 s class, and the last renewal was at most a third of it before the stop.
    expect(performance.now() - stoppedMs).toBeLessThan(store.capabilities.expirySlackMs(1_000));
    expect(performance.now() - stoppedMs).toBeGreaterThan(500);
    holder.resume();
    // Whichever it sees first: that its time is up, or that the connection has gone.
    expect(await holder.next({ timeoutMs: 5_000 })).toEqual({ lost: expect.stringMatching(/^(expired|connection)$/) });
    const state = await store.inspect('held by a process');
    expect(state?.fencingToken).toBeGreaterThan(first.fencingToken);
    await holder.kill();
    await store.close();
  });

  it('a killed process frees its lock at once', async () => {
    const store = openStore();
    const holder = await spawnNode(new URL('programs/holder.mjs', import.meta.url).pathname, [
      server.url,
      database.schema,
      '600000',
    ]);
    await holder.next({ timeoutMs: 10_000 });
    await holder.kill('SIGKILL');
    const next = request('held by a process');
    // Long before its ttl of ten minutes.
    await until(async () => (await store.acquire(next)).acquired, { timeoutMs: 5_000, what: 'the lock to be free' });
    expect(await store.inspect('held by a process')).toMatchObject({ holders: [{ leaseId: next.leaseId }] });
    await store.close();
  });

  it('a full lock table is a clear error, and gives back what the failed attempts took', async () => {
    const small = await startPostgres({ version, maxConnections: 10, settings: { max_locks_per_transaction: '10' } });
    const own = await openDatabase({ url: small.url, max: 2 });
    const store = postgresLockStore({ connection: small.url, schema: own.schema });
    // Long enough that none ends while a busy machine works on the others.
    const ttlMs = 600_000;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 3_000 }, (_, i) => take(store, `full ${i}`, { ttlMs })),
    );
    const failures = outcomes.filter((each) => each.status === 'rejected');
    expect(failures.length).toBeGreaterThan(0);
    for (const { reason } of failures)
      expect(reason).toMatchObject({
        code: 'HEADGATE_STORE_FULL',
        message: expect.stringMatching(/max_locks_per_transaction/),
      });
    const granted = outcomes.length - failures.length;
    await until(
      async () =>
        (await own.pool.query("SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'")).rows[0].n ===
        granted,
      { timeoutMs: 2_000, what: 'exactly the granted locks to be held' },
    );
    await store.close();
    await own.pool.end();
    await small.stop();
  });

  it.each(['fast', 'immediate'] as const)(
    'a %s restart of the server loses every lease, with notice, and the same store serves again',
    async (mode) => {
      const store = openStore();
      const told = losses(store);
      const held = [await take(store, `restart ${mode}`), await take(store, `restart ${mode} 2`, { ttlMs: 60_000 })];
      const [pid] = server.pids;
      // SIGINT is a fast shutdown, SIGQUIT an immediate one.
      process.kill(pid as number, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await until(() => told.length === 2, { timeoutMs: 5_000, what: 'both losses to be told' });
      expect(told.map(({ reason }) => reason)).toEqual(['connection', 'connection']);
      await server.restart();
      let again = 0;
      await until(
        async () => {
          try {
            again = (await take(store, `restart ${mode}`)).fencingToken;
            return true;
          } catch (error) {
            expect(error).toMatchObject({ code: 'HEADGATE_STORE' });
            return false;
          }
        },
        { timeoutMs: 10_000, what: 'the store to serve again' },
      );
      expect(again).toBeGreaterThan(held[0]?.lastToken ?? Infinity);
      expect(await store.extend([{ ...(held[0] as (typeof held)[0]), ttlMs: 10_000 }])).toEqual([
        { extended: false, reason: 'connection' },
      ]);
      await store.close();
    },
  );
});

describe('behind PgBouncer', () => {
  let server: TestServer;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await startPostgres();
    database = await openDatabase({ url: server.url });
  });
  afterAll(async () => {
    await database.pool.end();
    await server.stop();
  });

  it.each([1, 5])(
    'in transaction mode with %i server connections, locks refuse to start and say why; limits work',
    async (poolSize) => {
      const bouncer = await startPgBouncer({ postgres: server, poolMode: 'transaction', poolSize });
      const store = postgresLockStore({ connection: bouncer.url, schema: database.schema });
      await expect(store.acquire(request('pooled'))).rejects.toMatchObject({
        code: 'HEADGATE_STORE',
        message: expect.stringMatching(/transaction mode/),
      });
      await store.close();
      const { rows } = await database.pool.query("SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'");
      expect(rows).toEqual([{ n: 0 }]);

      const pool = new pg.Pool({ connectionString: bouncer.url, max: 8 });
      const limiter = postgresLimiterStore({ pool, schema: database.schema });
      const limits = [tokenBucket({ capacity: 10, refillIntervalMs: 86_400_000 })];
      const results = await Promise.all(
        Array.from({ length: 40 }, () =>
          limiter.decide([{ key: `pooled ${poolSize}`, limits, ops: [{ kind: 'consume', cost: 1 }] }], {}),
        ),
      );
      const allowed = results.flat().filter((result) => 'answers' in result && result.answers[0]?.allowed);
      expect(allowed).toHaveLength(10);
      await pool.end();
      await bouncer.stop();
    },
  );

  it('in session mode locks hold', async () => {
    const bouncer = await startPgBouncer({
      postgres: server,
      poolMode: 'session',
      settings: { ignore_startup_parameters: 'extra_float_digits' },
    });
    const [store, other] = [bouncer.url, server.url].map((connection) =>
      postgresLockStore({ connection, schema: database.schema }),
    ) as [ReturnType<typeof postgresLockStore>, ReturnType<typeof postgresLockStore>];
    const held = await take(store, 'session mode');
    await refused(other, 'session mode');
    expect(await store.release([held])).toEqual([{ released: true }]);
    await take(other, 'session mode');
    await Promise.all([store.close(), other.close()]);
    await bouncer.stop();
  });
});
