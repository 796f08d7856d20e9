import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { requireBinary } from './binaries.js';
import { startOwnedServer } from './owned-server.js';
import { firstReply } from './probes.js';
import { redisAnswers, redisArguments, redisUrl, type RedisOptions } from './redis.js';
import type { TestServer } from './server.js';
import { until } from './until.js';

/** How to start a Redis Cluster. */
export interface RedisClusterOptions extends RedisOptions {
  /** At least 3; 3 by default. */
  readonly masters?: number;
  /** Replicas of each master; 0 by default. */
  readonly replicas?: number;
  /**
   * How long a node must be silent before the others count it as gone, milliseconds; 15,000 by default, as in Redis itself: a machine that
   * stands still for a moment then neither breaks the forming nor takes the cluster down. For tests in which nodes fail: 1,000.
   */
  readonly nodeTimeoutMs?: number;
}

/** A Redis Cluster of its own: every node is a {@link TestServer}, and the whole can be treated like one. */
export interface RedisCluster {
  readonly name: string;
  /** Masters first. The order is that of the start; after a failover the roles are others. */
  readonly nodes: readonly TestServer[];
  /** `127.0.0.1:<port>,…`, the form of `HEADGATE_TEST_REDIS_CLUSTER_NODES`. */
  readonly url: string;
  readonly pids: readonly number[];
  /** Resolves when every node that is up reports `cluster_state:ok` and all slots served, and, when all are up, replicas have copied their masters. */
  untilOk(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  kill(): Promise<void>;
  /** All nodes come back on their ports with the slots they had; without `persist` they are empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A node also listens at its port plus this, for the other nodes. */
const busOffset = 10_000;
const formTimeoutMs = 30_000;

/** Starts the nodes, forms the cluster and resolves once all of them say that it is ok (some seconds). */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 0, nodeTimeoutMs = 15_000, ...redis } = options;
  const [command, cli] = [requireBinary(redis.program ?? 'redis-server'), requireBinary('redis-cli')];
  const nodes: TestServer[] = [];
  const all = (act: (node: TestServer) => Promise<void>): Promise<void> =>
    Promise.all(nodes.map(act)).then(() => undefined);
  const stop = (): Promise<void> => all((node) => node.stop());

  try {
    for (let index = 0; index < masters * (1 + replicas); index += 1)
      nodes.push(await startNode(command, redis, nodeTimeoutMs));
    const url = nodes.map((node) => `${node.host}:${node.port}`).join(',');
    const create = ['--cluster', 'create', ...url.split(','), '--cluster-replicas', String(replicas), '--cluster-yes'];
    const tls = redis.tls === undefined ? [] : ['--tls', '--cacert', redis.tls.certFile];
    await promisify(execFile)(cli, [...tls, ...create], { timeout: formTimeoutMs });
    const allOk = (): Promise<void> => untilOk(nodes, masters, replicas, redis.tls !== undefined);
    await allOk();

    return {
      name: 'redis-cluster',
      nodes,
      url,
      get pids() {
        return nodes.flatMap((node) => node.pids);
      },
      untilOk: allOk,
      pause: () => all((node) => node.pause()),
      resume: () => all((node) => node.resume()),
      kill: () => all((node) => node.kill()),
      restart: async () => {
        await all((node) => node.restart());
        await allOk();
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startNode(command: string, options: RedisOptions, nodeTimeoutMs: number): Promise<TestServer> {
  return startOwnedServer({
    name: 'redis-node',
    alsoFree: busOffset,
    url: (port) => redisUrl(port, options),
    process: (directory, port) => ({
      command,
      args: [
        ...redisArguments(directory, port, options),
        ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
        ...['--cluster-node-timeout', String(nodeTimeoutMs)],
        ...['--repl-diskless-sync-delay', '0'], // or a replica waits 5 s for its first copy
      ],
      ready: () => redisAnswers(port, options),
    }),
  });
}

async function untilOk(nodes: readonly TestServer[], masters: number, replicas: number, tls: boolean): Promise<void> {
  const up = nodes.filter((node) => node.pids.length > 0);
  const everyNode = async (command: string, test: (reply: string) => boolean): Promise<boolean> =>
    (await Promise.all(up.map(async (node) => test((await firstReply(node.port, command, tls)) ?? '')))).every(Boolean);
  const served = (): Promise<boolean> =>
    everyNode('CLUSTER INFO\r\n', (info) => /cluster_state:ok/.test(info) && /cluster_slots_ok:16384/.test(info));
  const replicasKnown = (): Promise<boolean> =>
    everyNode('CLUSTER NODES\r\n', (list) => (list.match(/\bslave\b/g) ?? []).length === masters * replicas);
  // a replica that has not copied its master yet would never take over from it
  const replicasCopied = (): Promise<boolean> =>
    everyNode('INFO replication\r\n', (info) => /role:master|master_link_status:up/.test(info));
  await until(
    async () => (await served()) && (up.length < nodes.length || ((await replicasKnown()) && (await replicasCopied()))),
    { timeoutMs: formTimeoutMs, intervalMs: 50, what: 'every node of the Redis Cluster to report cluster_state:ok' },
  );
}
