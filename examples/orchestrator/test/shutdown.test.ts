import { skipReason, startRedis } from '@headgate/test-servers';
import { expect, onTestFinished, test } from 'vitest';
import { request, startInstance } from './instance.js';

test.skipIf(skipReason('redis'))('an instance that holds leases ends cleanly while Redis is away', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const instance = await startInstance({ STORE: 'redis', REDIS_URL: redis.url, INSTANCE: 'stopping' });
  expect((await request(instance, 'POST', '/sessions/a/locks', { body: { path: 'f' } })).status).toBe(201);
  await redis.kill();
  expect(await instance.stop()).toBe(0);
});
