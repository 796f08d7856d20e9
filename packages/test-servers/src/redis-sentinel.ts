import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { requireBinary } from './binaries.js';
import { createFaultProxy, type FaultProxy, type ProxyTarget } from './fault-proxy.js';
import { startOwnedServer } from './owned-server.js';
import { firstReply } from './probes.js';
import { redisAnswers, startRedis, type RedisOptions } from './redis.js';
import type { TestServer } from './server.js';
import { until } from './until.js';

/** How to start Redis under Sentinel; what `RedisOptions` say is for the data nodes. */
export interface RedisSentinelOptions extends Omit<RedisOptions, 'tls'> {
  /** Copies of the master; 1 by default. */
  readonly replicas?: number;
  /** How long a master must be silent before it counts as down, milliseconds; 1,000 by default: a busy machine keeps one from answering for less. */
  readonly downAfterMs?: number;
  /** Puts a proxy in front of the first master for everybody but those who know its own port; see `RedisSentinel.toFirst`. Default `false`. */
  readonly divisible?: boolean;
}

/** A master, its replicas and one sentinel that watches them. */
export interface RedisSentinel {
  /** The name under which the sentinel knows the master. */
  readonly group: string;
  /** The process that answers where the master is; its `host` and `port` are for a client's `sentinels` option. */
  readonly sentinel: TestServer;
  /** The first master first. After a failover the roles are others. */
  readonly nodes: readonly TestServer[];
  /**
   * With `divisible`: the only way on which the sentinel, the replicas and the clients that ask the sentinel reach the first master. When it lets
   * nothing through, that master goes on serving those who are on its side, at its own port.
   */
  readonly toFirst: FaultProxy | undefined;
  /** The node that the sentinel names as master now. */
  master(): Promise<TestServer>;
  /** Resolves when the sentinel knows that every replica has a copy, so that a failover can begin. */
  untilOk(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const group = 'headgate';
const formTimeoutMs = 20_000;

/** Starts a master, replicas that have copied it, and a sentinel with a quorum of one that knows them all (about 1 s). */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const { replicas = 1, downAfterMs = 1_000, divisible = false, ...redis } = options;
  const servers: TestServer[] = [];
  let toFirst: FaultProxy | undefined;
  const stop = (): Promise<void> =>
    Promise.all([...servers.map((server) => server.stop()), toFirst?.stop()]).then(() => undefined);
  try {
    const node = async (args: readonly string[]): Promise<TestServer> => {
      const undelayed = ['--repl-diskless-sync-delay', '0']; // or a replica waits 5 s for its first copy
      const server = await startRedis({ ...redis, args: [...(redis.args ?? []), ...undelayed, ...args] });
      servers.push(server);
      return server;
    };
    const first = await node([]);
    if (divisible) toFirst = await createFaultProxy({ target: first });
    const seen: ProxyTarget = toFirst ?? first;
    for (let index = 0; index < replicas; index += 1) await node(['--replicaof', seen.host, String(seen.port)]);
    const nodes = [...servers];
    await untilCopied(nodes);
    const sentinel = await startSentinel(seen, downAfterMs, redis);
    servers.push(sentinel);

    const untilOk = async (): Promise<void> => {
      await untilCopied(nodes);
      await until(
        async () => {
          const list = (await firstReply(sentinel.port, `SENTINEL REPLICAS ${group}\r\n`)) ?? '';
          return (list.match(/master-link-status\r\n\$\d+\r\nok/g) ?? []).length >= replicas;
        },
        { timeoutMs: formTimeoutMs, what: 'the sentinel to know the replicas' },
      );
    };
    await untilOk();
    return {
      group,
      sentinel,
      nodes,
      toFirst,
      master: async () => {
        const reply = (await firstReply(sentinel.port, `SENTINEL GET-MASTER-ADDR-BY-NAME ${group}\r\n`)) ?? '';
        const isNamed = ({ port }: ProxyTarget): boolean => reply.includes(`\r\n${port}\r\n`);
        const master = isNamed(seen) ? first : nodes.find(isNamed);
        if (master === undefined) throw new Error(`The sentinel named no node of ours as master: ${reply}`);
        return master;
      },
      untilOk,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startSentinel(
  master: ProxyTarget,
  downAfterMs: number,
  { program = 'redis-server' }: RedisOptions,
): Promise<TestServer> {
  const command = requireBinary(program);
  const fileIn = (directory: string): string => path.join(directory, 'sentinel.conf');
  return startOwnedServer({
    name: 'redis-sentinel',
    url: (port) => `redis://127.0.0.1:${port}`,
    // A sentinel rewrites its configuration, so it must be a file.
    prepare: async (directory, port) =>
      writeFileSync(
        fileIn(directory),
        [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir "${directory}"`,
          `sentinel monitor ${group} ${master.host} ${master.port} 1`,
          `sentinel down-after-milliseconds ${group} ${downAfterMs}`,
          `sentinel failover-timeout ${group} 3000`,
          '',
        ].join('\n'),
      ),
    process: (directory, port) => ({
      command,
      args: [fileIn(directory), '--sentinel'],
      ready: () => redisAnswers(port),
    }),
  });
}

async function untilCopied(nodes: readonly TestServer[]): Promise<void> {
  const up = nodes.filter((node) => node.pids.length > 0);
  await until(
    async () => {
      const replies = await Promise.all(
        up.map(async ({ port }) => (await firstReply(port, 'INFO replication\r\n')) ?? ''),
      );
      return replies.every((info) => /role:master|master_link_status:up/.test(info));
    },
    { timeoutMs: formTimeoutMs, what: 'the replicas to have copied their master' },
  );
}
