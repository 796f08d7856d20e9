import { afterEach, describe, expect, it, vi } from 'vitest';
import { sharedServer, skipReason, startSharedServers } from '../src/index.js';
import { withRedis } from './clients.js';
import { listedPids } from './processes.js';

afterEach(() => vi.unstubAllEnvs());

describe('a shared server', () => {
  it('is the one that its variable names, and stopping leaves that alone', async () => {
    vi.stubEnv('HEADGATE_TEST_DYNALITE_ENDPOINT', 'http://127.0.0.1:9');
    const server = await sharedServer('dynalite');
    expect(server).toMatchObject({ name: 'dynalite', url: 'http://127.0.0.1:9', source: 'environment' });
    expect(await sharedServer('dynalite')).toBe(server);
    await server.stop();
  });

  it.skipIf(skipReason('redis') !== undefined)(
    'is started once, named in the environment, and ended by what the set-up gave back',
    async () => {
      vi.stubEnv('HEADGATE_TEST_REDIS_URL', '');
      const stop = await startSharedServers(['redis']);
      const { url, source } = await sharedServer('redis');
      const at = { host: '127.0.0.1', port: Number(new URL(url).port) };
      expect([process.env['HEADGATE_TEST_REDIS_URL'], source]).toEqual([url, 'started']);
      expect(await withRedis(at, (redis) => redis.ping())).toBe('PONG');
      await stop();
      await expect(withRedis(at, (redis) => redis.ping())).rejects.toBeInstanceOf(Error);
      expect(process.env['HEADGATE_TEST_REDIS_URL']).toBeUndefined();
    },
  );

  it('is not started when it is to be skipped', async () => {
    vi.stubEnv('HEADGATE_TEST_SKIP', 'postgres, dynamodb');
    const before = listedPids();
    await (await startSharedServers(['postgres']))();
    expect(listedPids()).toEqual(before);
    expect(skipReason('postgres')).toBe('HEADGATE_TEST_SKIP names postgres');
    expect(skipReason('dynamodb')).toBe('HEADGATE_TEST_SKIP names dynamodb');
    expect(skipReason('redis')).toBeUndefined();
  });
});
