import { describe, expect, it } from 'vitest';
import {
  startDynalite,
  startDynamoDbLocal,
  startPgBouncer,
  startPostgres,
  startPrometheus,
  startRedis,
  startRedisCluster,
  skipReason,
} from '../src/index.js';
import { httpStatus, withCluster, withPostgres, withRedis } from './clients.js';
import { listedPids, running, serverFolders } from './processes.js';

/** What a single server and a cluster have in common. */
interface AnyServer {
  readonly url: string;
  readonly pids: readonly number[];
  pause(): Promise<void>;
  resume(): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface Kind {
  readonly skip: string | undefined;
  readonly start: () => Promise<AnyServer>;
  /** Asks one question over a new connection; throws when there is no answer. */
  readonly ask: (url: string) => Promise<unknown>;
  readonly answer: unknown;
}

const askPostgres = (url: string): Promise<unknown> =>
  withPostgres(url, async (client) => (await client.query('select 42 as n')).rows[0]?.n);

const kinds: Readonly<Record<string, Kind>> = {
  redis: {
    skip: skipReason('redis'),
    start: () => startRedis(),
    ask: (url) => withRedis({ host: '127.0.0.1', port: Number(new URL(url).port) }, (redis) => redis.ping()),
    answer: 'PONG',
  },
  'redis cluster': {
    skip: skipReason('redis-cluster'),
    start: () => startRedisCluster(),
    ask: (url) =>
      withCluster(url, async (cluster) => Promise.all(['a', 'b', 'c', 'd'].map((key) => cluster.set(key, '1')))),
    answer: ['OK', 'OK', 'OK', 'OK'],
  },
  'postgres, the machine’s or else the embedded': {
    skip: skipReason('postgres'),
    start: () => startPostgres(),
    ask: askPostgres,
    answer: 42,
  },
  'postgres, embedded': {
    skip: skipReason('postgres'),
    start: () => startPostgres({ version: 'embedded', fsync: false }),
    ask: askPostgres,
    answer: 42,
  },
  pgbouncer: {
    skip: skipReason('pgbouncer'),
    start: async () => {
      const postgres = await startPostgres({ fsync: false });
      const pgbouncer = await startPgBouncer({ postgres, poolMode: 'transaction' });
      return {
        url: pgbouncer.url,
        get pids() {
          return [...pgbouncer.pids, ...postgres.pids];
        },
        pause: () => pgbouncer.pause(),
        resume: () => pgbouncer.resume(),
        kill: () => pgbouncer.kill(),
        restart: () => pgbouncer.restart(),
        stop: () => Promise.all([pgbouncer.stop(), postgres.stop()]).then(() => undefined),
      };
    },
    ask: askPostgres,
    answer: 42,
  },
  'dynamodb local': { skip: skipReason('dynamodb'), start: () => startDynamoDbLocal(), ask: httpStatus, answer: 400 },
  dynalite: { skip: skipReason('dynalite'), start: () => startDynalite(), ask: httpStatus, answer: 200 },
  prometheus: {
    skip: skipReason('prometheus'),
    start: () => startPrometheus({ config: 'global:\n  scrape_interval: 1s\n' }),
    ask: (url) => httpStatus(`${url}/-/ready`),
    answer: 200,
  },
};

for (const [name, { skip, start, ask, answer }] of Object.entries(kinds)) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? '' : ` (${skip})`}`, () => {
    it('answers, falls silent while paused, crashes, comes back on its port and leaves nothing behind', {
      timeout: 90_000,
    }, async () => {
      const foldersBefore = serverFolders();
      const server = await start();
      const seen = new Set(server.pids);
      try {
        expect(await ask(server.url)).toEqual(answer);

        await server.pause();
        await expect(ask(server.url)).rejects.toBeInstanceOf(Error);
        await server.resume();
        expect(await ask(server.url)).toEqual(answer);

        const before = server.pids;
        await server.kill();
        await expect(ask(server.url)).rejects.toBeInstanceOf(Error);
        expect(running(before.filter((pid) => !server.pids.includes(pid)))).toEqual([]);

        const { url } = server;
        await server.restart();
        expect(server.url).toBe(url);
        expect(await ask(url)).toEqual(answer);
        for (const pid of server.pids) seen.add(pid);
        await server.pause(); // a frozen server can be stopped, too
      } finally {
        await server.stop();
        await server.stop(); // harmless
      }
      expect(running([...seen])).toEqual([]);
      expect(listedPids().filter((pid) => seen.has(pid))).toEqual([]);
      expect(serverFolders()).toEqual(foldersBefore);
    });
  });
}
