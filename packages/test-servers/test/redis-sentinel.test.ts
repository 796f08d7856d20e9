import { expect, it } from 'vitest';
import { skipReason, startRedisSentinel, until } from '../src/index.js';
import { withRedis } from './clients.js';
import { running, serverFolders } from './processes.js';

it.skipIf(skipReason('redis') !== undefined)(
  'a sentinel puts a replica in the place of a killed master, and all of them leave nothing behind',
  async () => {
    const foldersBefore = serverFolders();
    const redis = await startRedisSentinel({ replicas: 2 });
    const pids = [...redis.nodes, redis.sentinel].flatMap((server) => server.pids);
    try {
      const first = await redis.master();
      expect(first).toBe(redis.nodes[0]);
      await withRedis(first, async (client) => {
        await client.set('k', 'kept');
        expect(await client.wait(2, 5_000)).toBe(2);
      });
      await first.kill();
      await until(async () => (await redis.master()) !== first, { timeoutMs: 15_000, what: 'the failover' });
      const second = await redis.master();
      await until(
        () => withRedis(second, async (client) => (await client.info('replication')).includes('role:master')),
        { timeoutMs: 5_000, what: 'the new master' },
      );
      expect(await withRedis(second, (client) => client.get('k'))).toBe('kept');
    } finally {
      await redis.stop();
      await redis.stop(); // harmless
    }
    expect(running(pids)).toEqual([]);
    expect(serverFolders()).toEqual(foldersBefore);
  },
);
