import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { skipReason, startPostgres, startRedis, startRedisCluster, type TestServer, until } from '../src/index.js';
import { withCluster, withPostgres, withRedis } from './clients.js';

describe.skipIf(skipReason('redis') !== undefined)('the data of a Redis', () => {
  const get = (server: TestServer): Promise<string | null> => withRedis(server, (redis) => redis.get('key'));

  it('are gone after a crash', async () => {
    await using server = await startRedis();
    await withRedis(server, (redis) => redis.set('key', 'value'));
    await server.kill();
    await server.restart();
    expect(await get(server)).toBeNull();
  });

  it('outlive a crash with `persist`, and a restart that empties removes them', async () => {
    await using server = await startRedis({ persist: true });
    await withRedis(server, (redis) => redis.set('key', 'value'));
    await server.kill();
    await server.restart();
    expect(await get(server)).toBe('value');
    await server.restart({ empty: true });
    expect(await get(server)).toBeNull();
  });

  it('obey `maxmemory`, its policy and an ACL file', async () => {
    const aclFile = path.join(tmpdir(), `headgate-acl-${process.pid}`);
    await writeFile(aclFile, 'user default on nopass ~* &* +@all\nuser reader on >secret ~* +get\n');
    try {
      await using server = await startRedis({ maxmemory: '8mb', maxmemoryPolicy: 'allkeys-lru', aclFile });
      const settings = await withRedis(server, (redis) => redis.config('GET', 'maxmemory*'));
      expect(settings).toEqual(expect.arrayContaining(['8388608', 'allkeys-lru']));
      expect(await withRedis(server, (redis) => redis.acl('USERS'))).toEqual(['default', 'reader']);
    } finally {
      await rm(aclFile);
    }
  });
});

describe.skipIf(skipReason('redis-cluster') !== undefined)('a Redis Cluster', () => {
  it('with replicas goes on when a master crashes, and is whole again when it comes back', {
    timeout: 60_000,
  }, async () => {
    await using cluster = await startRedisCluster({ masters: 3, replicas: 1, nodeTimeoutMs: 1_000 });
    const [first, second] = cluster.nodes as [TestServer, TestServer];
    await first.kill();
    const seenAsFailed = async (): Promise<boolean> => {
      const list = String(await withRedis(second, (redis) => redis.cluster('NODES')));
      return list.split('\n').some((line) => line.includes(`:${first.port}@`) && /\bfail\b/.test(line));
    };
    await until(seenAsFailed, { timeoutMs: 20_000, what: 'the others to see that a master has failed' });
    await cluster.untilOk();
    const keys = Array.from({ length: 20 }, (_, index) => `key${index}`);
    await withCluster(cluster.url, (client) => Promise.all(keys.map((key) => client.set(key, '1'))));

    await first.restart();
    await cluster.untilOk();
    expect(cluster.pids).toHaveLength(6);
  });
});

describe.skipIf(skipReason('postgres') !== undefined)('a PostgreSQL', () => {
  it('keeps its data over a crash, and loses them in a restart that empties', { timeout: 60_000 }, async () => {
    await using server = await startPostgres();
    await withPostgres(server.url, (client) => client.query('create table kept as select 7 as n'));
    await server.kill();
    await server.restart();
    expect(await withPostgres(server.url, async (client) => (await client.query('select n from kept')).rows)).toEqual([
      { n: 7 },
    ]);
    await server.restart({ empty: true });
    await expect(withPostgres(server.url, (client) => client.query('select n from kept'))).rejects.toThrow(
      'does not exist',
    );
  });

  it('has the settings it was asked for, listens on 127.0.0.1 only, and never runs as root', async () => {
    await using server = await startPostgres({
      fsync: false,
      maxConnections: 33,
      settings: { idle_session_timeout: '500ms' },
    });
    const settings = await withPostgres(server.url, async (client) => {
      const { rows } = await client.query(
        "select name, setting from pg_settings where name = any('{fsync,max_connections,idle_session_timeout,listen_addresses}')",
      );
      return Object.fromEntries(rows.map((row) => [row.name, row.setting]));
    });
    expect(settings).toEqual({
      fsync: 'off',
      max_connections: '33',
      idle_session_timeout: '500',
      listen_addresses: '127.0.0.1',
    });
    const { stdout } = spawnSync('ps', ['-o', 'uid=', '-p', server.pids.join(',')], { encoding: 'utf8' });
    expect(stdout.trim().split(/\s+/).map(Number)).not.toContain(0);
  });
});
