import { requireBinary } from './binaries.js';
import { startOwnedServer } from './owned-server.js';
import { firstReply } from './probes.js';
import type { TestServer } from './server.js';

/** How to start a Redis. */
export interface RedisOptions {
  /** Which program; by default `redis-server`, or `valkey-server` where that is all there is. */
  readonly program?: 'redis-server' | 'valkey-server';
  /** Such as `'8mb'`; without limit by default. */
  readonly maxmemory?: string;
  /** What happens at `maxmemory`, such as `'allkeys-lru'`; `'noeviction'` by default, as in Redis itself. */
  readonly maxmemoryPolicy?: string;
  /** Path of an ACL file. */
  readonly aclFile?: string;
  /**
   * Every write goes to an append-only file and is synced, so that a restart brings the data back. By default nothing is
   * kept, and a restarted Redis is empty.
   */
  readonly persist?: boolean;
  /** Speak TLS and nothing else, to clients, replicas and the other nodes of a cluster; a certificate that signs itself for 127.0.0.1, and its key. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** Further command-line arguments, such as `['--timeout', '1']`. */
  readonly args?: readonly string[];
}

/** Starts a standalone Redis (or Valkey) of its own. `url` is `redis://127.0.0.1:<port>`, with TLS `rediss://…`. */
export function startRedis(options: RedisOptions = {}): Promise<TestServer> {
  const command = requireBinary(options.program ?? 'redis-server');
  return startOwnedServer({
    name: 'redis',
    url: (port) => redisUrl(port, options),
    process: (directory, port) => ({
      command,
      args: redisArguments(directory, port, options),
      ready: () => redisAnswers(port, options),
    }),
  });
}

/** The command line that standalone servers and cluster nodes share. */
export function redisArguments(directory: string, port: number, options: RedisOptions): readonly string[] {
  return [
    ...['--bind', '127.0.0.1', '--dir', directory, '--daemonize', 'no', '--save', ''],
    ...(options.tls === undefined ? ['--port', String(port)] : tlsArguments(port, options.tls)),
    ...(options.persist === true ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']),
    ...(options.maxmemory === undefined ? [] : ['--maxmemory', options.maxmemory]),
    ...(options.maxmemoryPolicy === undefined ? [] : ['--maxmemory-policy', options.maxmemoryPolicy]),
    ...(options.aclFile === undefined ? [] : ['--aclfile', options.aclFile]),
    ...(options.args ?? []),
  ];
}

function tlsArguments(port: number, { certFile, keyFile }: NonNullable<RedisOptions['tls']>): readonly string[] {
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile];
  const everywhere = ['--tls-auth-clients', 'no', '--tls-replication', 'yes', '--tls-cluster', 'yes'];
  return ['--port', '0', '--tls-port', String(port), ...files, ...everywhere];
}

/** Where clients find a Redis at this port. */
export function redisUrl(port: number, { tls }: RedisOptions): string {
  return `redis${tls === undefined ? '' : 's'}://127.0.0.1:${port}`;
}

/** Whether a Redis at this port has loaded its data and takes commands, or would after a log-in. */
export async function redisAnswers(port: number, { tls }: RedisOptions = {}): Promise<boolean> {
  const reply = await firstReply(port, 'PING\r\n', tls !== undefined);
  return reply !== undefined && /^(\+PONG|-NOAUTH|-NOPERM)/.test(reply);
}
