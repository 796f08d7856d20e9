import { expect, test } from 'vitest';
import { send, startService } from './service.js';

const task = (service: Awaited<ReturnType<typeof startService>>, tenant: string) =>
  send(service, 'POST', '/tasks', undefined, { 'x-tenant': tenant });

test('tasks are admitted up to the limit and then refused with the headers of the draft', async () => {
  const service = await startService({ TASKS_PER_SECOND: '1000', TASKS_PER_MINUTE: '3' });
  for (const remaining of [2, 1, 0]) {
    const admitted = await task(service, 'acme');
    expect(admitted.status).toBe(202);
    expect(admitted.headers['ratelimit']).toContain(`"minute";r=${remaining};t=`);
  }
  const refused = await task(service, 'acme');
  expect(refused.status).toBe(429);
  expect(refused.headers['ratelimit-policy']).toBe('"burst";q=1000;w=1, "minute";q=3;w=60');
  expect(refused.body['violated-policies']).toEqual(['minute']);
  const retryAfter = Number(refused.headers['retry-after']);
  expect(retryAfter).toBeGreaterThanOrEqual(1);
  expect(retryAfter).toBeGreaterThanOrEqual(refused.body.retryAfterMs / 1000);
  expect((await task(service, 'other')).status).toBe(202);
});

test('a task without a tenant is a bad request', async () => {
  const service = await startService();
  const refused = await send(service, 'POST', '/tasks');
  expect(refused.status).toBe(400);
  expect(refused.type).toContain('application/problem+json');
});

test('denials, acquires, session releases show up in /metrics', async () => {
  const service = await startService({ TASKS_PER_MINUTE: '1' });
  await task(service, 'acme');
  await task(service, 'acme');
  await send(service, 'POST', '/sessions/a/locks', { path: 'f' });
  await send(service, 'POST', '/sessions/b/locks', { path: 'f' });
  await send(service, 'DELETE', '/sessions/a');
  const { body, type } = await send(service, 'GET', '/metrics');
  expect(type).toContain('text/plain');
  for (const line of [
    'headgate_limiter_denials_total{limiter="tasks",store="memory",reason="quota"} 1',
    'headgate_lock_acquires_total{lock="files",store="memory",outcome="acquired"} 1',
    'headgate_lock_acquires_total{lock="files",store="memory",outcome="busy"} 1',
    'headgate_session_releases_total{lock="files",store="memory",cause="explicit",outcome="ok"} 1',
    'headgate_session_released_locks_total{lock="files",store="memory",cause="explicit"} 1',
  ]) {
    expect(body).toContain(line);
  }
  expect(body).toContain('headgate_lock_acquire_wait_seconds_bucket');
});

test('health says which store is used and whether the fallback decides', async () => {
  const service = await startService({ INSTANCE: 'one' });
  expect((await send(service, 'GET', '/healthz')).body).toEqual({
    status: 'ok',
    instance: 'one',
    store: 'memory',
    fallback: false,
  });
});

test('an unknown route is a problem document', async () => {
  const service = await startService();
  const missing = await send(service, 'GET', '/nothing');
  expect(missing.status).toBe(404);
  expect(missing.type).toContain('application/problem+json');
});
