import { expect, test } from 'vitest';
import { send, startService } from './service.js';

test('a session takes a lock and another is refused with the holder named', async () => {
  const service = await startService();
  const taken = await send(service, 'POST', '/sessions/a/locks', { path: 'src/app.ts', ttlMs: 5000 });
  expect(taken.status).toBe(201);
  expect(taken.body).toEqual({
    path: 'src/app.ts',
    fencingToken: expect.any(Number),
    expiresAtMs: expect.any(Number),
  });
  expect(taken.body.expiresAtMs).toBeGreaterThan(Date.now());
  const refused = await send(service, 'POST', '/sessions/b/locks', { path: 'src//./app.ts' });
  expect(refused.status).toBe(409);
  expect(refused.type).toContain('application/problem+json');
  expect(refused.body.holder).toMatchObject({ sessionId: 'a', fencingToken: taken.body.fencingToken });
  expect(refused.body.retryAfterMs).toBeGreaterThan(0);
});

test('a waiting request is given the lock when it is released', async () => {
  const service = await startService();
  const first = await send(service, 'POST', '/sessions/a/locks', { path: 'f' });
  const waiting = send(service, 'POST', '/sessions/b/locks', { path: 'f', waitMs: 5000 });
  expect((await send(service, 'DELETE', '/sessions/a/locks?path=f')).status).toBe(204);
  const second = await waiting;
  expect(second.status).toBe(201);
  expect(second.body.fencingToken).toBeGreaterThan(first.body.fencingToken);
});

test('releasing says 404 when the session holds no such lock', async () => {
  const service = await startService();
  await send(service, 'POST', '/sessions/a/locks', { path: 'f' });
  expect((await send(service, 'DELETE', '/sessions/b/locks?path=f')).status).toBe(404);
  expect((await send(service, 'DELETE', '/sessions/a/locks?path=g')).status).toBe(404);
  expect((await send(service, 'DELETE', '/sessions/a/locks?path=f')).status).toBe(204);
  expect((await send(service, 'DELETE', '/sessions/a/locks?path=f')).status).toBe(404);
});

test('ending a session frees its locks and nobody else’s', async () => {
  const service = await startService();
  for (const path of ['x', 'y']) await send(service, 'POST', '/sessions/a/locks', { path });
  await send(service, 'POST', '/sessions/b/locks', { path: 'z' });
  const ended = await send(service, 'DELETE', '/sessions/a');
  expect(ended.status).toBe(200);
  expect(ended.body.released.sort()).toEqual(['x', 'y']);
  const { body } = await send(service, 'GET', '/locks');
  expect(body.locks.map((lock: { path: string }) => lock.path)).toEqual(['z']);
});

test('an operator releases a stuck lock with the token, and only with it', async () => {
  const service = await startService({ ADMIN_TOKEN: 'secret' });
  await send(service, 'POST', '/sessions/a/locks', { path: 'f' });
  const release = (headers: Record<string, string>) =>
    send(service, 'POST', '/admin/locks/release', { path: 'f' }, headers);
  expect((await release({})).status).toBe(401);
  expect((await release({ authorization: 'Bearer wrong' })).status).toBe(401);
  expect((await send(service, 'POST', '/sessions/b/locks', { path: 'f' })).status).toBe(409);
  const released = await release({ authorization: 'Bearer secret' });
  expect(released.status).toBe(200);
  expect(released.body.evicted).toMatchObject([{ sessionId: 'a' }]);
  expect((await send(service, 'POST', '/sessions/b/locks', { path: 'f' })).status).toBe(201);
});

test('forced releases are off when no token is configured', async () => {
  const service = await startService();
  await send(service, 'POST', '/sessions/a/locks', { path: 'f' });
  const refused = await send(
    service,
    'POST',
    '/admin/locks/release',
    { path: 'f' },
    { authorization: 'Bearer undefined' },
  );
  expect(refused.status).toBe(404);
  expect((await send(service, 'GET', '/locks')).body.locks).toHaveLength(1);
});
