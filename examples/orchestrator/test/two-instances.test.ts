import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skipReason, until } from '@headgate/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../src/throwaway-server.js';
import type { ThrowawayServer } from '../src/throwaway-server.js';
import { request, startInstance } from './instance.js';
import type { Instance } from './instance.js';

const stores = ['redis', 'postgres', 'dynamodb'] as const;

describe.each(stores)('two instances as processes on one %s', (store) => {
  const reason = skipReason(store);
  const limit = 120;
  let server: ThrowawayServer;
  let folder: string;
  let first: Instance;
  let second: Instance;

  beforeAll(async () => {
    if (reason !== undefined) return;
    server = await startServer(store);
    folder = await mkdtemp(join(tmpdir(), 'orchestrator-two-'));
    const env = {
      ...server.env,
      STORE: store,
      INSTANCES: '2',
      WORK_FOLDER: folder,
      // Emulators on a busy machine are slow; the fallback has tests of its own.
      STORE_TIMEOUT_MS: '10000',
      TASKS_PER_SECOND: '100000',
      TASKS_PER_MINUTE: String(limit),
    };
    [first, second] = await Promise.all([
      startInstance({ ...env, INSTANCE: 'first' }),
      startInstance({ ...env, INSTANCE: 'second' }),
    ]);
  }, 60_000);

  afterAll(async () => {
    await Promise.all([first?.stop(), second?.stop()]);
    await server?.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  test.skipIf(reason)(
    'of 500 concurrent tasks to both exactly the limit is admitted',
    { timeout: 60_000 },
    async () => {
      const replies = await Promise.all(
        Array.from({ length: 500 }, (_, i) =>
          request(i % 2 ? first : second, 'POST', '/tasks', { headers: { 'x-tenant': 'storm' } }),
        ),
      );
      const count = (status: number): number => replies.filter((reply) => reply.status === status).length;
      expect({ admitted: count(202), refused: count(429) }).toEqual({ admitted: limit, refused: 500 - limit });
      const sources = new Set(replies.map(({ body }) => body.source));
      expect(sources.has('fallback')).toBe(false);
    },
  );

  test.skipIf(reason)('a lock taken on one is refused on the other, with its holder', async () => {
    const taken = await request(first, 'POST', '/sessions/alice/locks', { body: { path: 'shared.txt' } });
    expect(taken.status).toBe(201);
    const refused = await request(second, 'POST', '/sessions/bob/locks', { body: { path: 'shared.txt' } });
    expect(refused.status).toBe(409);
    expect(refused.body.holder).toMatchObject({ sessionId: 'alice', fencingToken: taken.body.fencingToken });
    const freed = await request(second, 'DELETE', '/sessions/alice/locks?path=shared.txt');
    expect(freed.status).toBe(204);
    await until(
      async () =>
        (await request(second, 'POST', '/sessions/bob/locks', { body: { path: 'shared.txt' } })).status === 201,
      { timeoutMs: 5000, what: 'the lock freed through the other instance to be free' },
    );
  });

  test.skipIf(reason)('ending a session on one frees its locks held through the other', async () => {
    for (const path of ['a.txt', 'b.txt']) {
      expect((await request(first, 'POST', '/sessions/carol/locks', { body: { path } })).status).toBe(201);
    }
    const ended = await request(second, 'DELETE', '/sessions/carol');
    expect(ended.status).toBe(200);
    expect([...ended.body.released, ...(ended.body.pending ?? [])].sort()).toEqual(['a.txt', 'b.txt']);
    for (const path of ['a.txt', 'b.txt']) {
      await until(
        async () => (await request(second, 'POST', '/sessions/dave/locks', { body: { path } })).status === 201,
        { timeoutMs: 5000, what: `${path} to be free` },
      );
    }
  });

  test.skipIf(reason)(
    'kill -9 of an instance frees what was held through it within the ttl',
    { timeout: 30_000 },
    async () => {
      const ttlMs = 3000;
      const doomed = await startInstance({
        ...server.env,
        STORE: store,
        INSTANCE: 'doomed',
        WORK_FOLDER: folder,
      });
      const taken = await request(doomed, 'POST', '/sessions/eve/locks', { body: { path: 'dead.txt', ttlMs } });
      expect(taken.status).toBe(201);
      await doomed.kill();
      const killedAt = performance.now();
      const next = await request(second, 'POST', '/sessions/frank/locks', {
        body: { path: 'dead.txt', waitMs: 20_000 },
      });
      expect(next.status).toBe(201);
      expect(next.body.fencingToken).toBeGreaterThan(taken.body.fencingToken);
      // The declared slack of the slowest store (a skew bound, or a ttl class) and the polling interval of a waiter.
      expect(performance.now() - killedAt).toBeLessThan(ttlMs + 5000);
    },
  );
});
