import { startDynalite, startDynamoDbLocal } from './dynamodb.js';
import { startPostgres } from './postgres.js';
import { startRedisCluster } from './redis-cluster.js';
import { startRedis } from './redis.js';
import { skipReason } from './skip.js';

/** Servers that the tests of one run may share. */
export type SharedServerName = 'redis' | 'redis-cluster' | 'valkey' | 'postgres' | 'dynamodb' | 'dynalite';

/** A server that others use too: keep to random keys, tables or schemas, and leave it running. */
export interface SharedServer {
  readonly name: SharedServerName;
  /**
   * `redis://…` (Valkey too), `postgres://…` or an `http://…` endpoint; for `redis-cluster` the nodes as `host:port,host:port`.
   */
  readonly url: string;
  /** `environment` when somebody named it in a variable, `started` when this process started it. */
  readonly source: 'environment' | 'started';
  /** Ends a server that this process started; does nothing to any other. It would also end with this process. */
  stop(): Promise<void>;
}

interface Kind {
  readonly variable: string;
  readonly start: () => Promise<{ readonly url: string; stop(): Promise<void> }>;
}

const kinds: Readonly<Record<SharedServerName, Kind>> = {
  redis: { variable: 'HEADGATE_TEST_REDIS_URL', start: () => startRedis() },
  'redis-cluster': { variable: 'HEADGATE_TEST_REDIS_CLUSTER_NODES', start: () => startRedisCluster() },
  valkey: { variable: 'HEADGATE_TEST_VALKEY_URL', start: () => startRedis({ program: 'valkey-server' }) },
  postgres: { variable: 'HEADGATE_TEST_POSTGRES_URL', start: () => startPostgres({ maxConnections: 200 }) },
  dynamodb: { variable: 'HEADGATE_TEST_DYNAMODB_ENDPOINT', start: () => startDynamoDbLocal() },
  dynalite: { variable: 'HEADGATE_TEST_DYNALITE_ENDPOINT', start: () => startDynalite() },
};

const running = new Map<SharedServerName, Promise<SharedServer>>();

/**
 * The server of this name for this test run: the one its variable names (`HEADGATE_TEST_REDIS_URL`,
 * `HEADGATE_TEST_REDIS_CLUSTER_NODES`, `HEADGATE_TEST_VALKEY_URL`, `HEADGATE_TEST_POSTGRES_URL`,
 * `HEADGATE_TEST_DYNAMODB_ENDPOINT`, `HEADGATE_TEST_DYNALITE_ENDPOINT`), or else one that is started at the first call and lives as long as this process.
 *
 * @throws ServerUnavailableError when it can neither be found nor started
 */
export function sharedServer(name: SharedServerName): Promise<SharedServer> {
  const known = running.get(name);
  if (known !== undefined) return known;
  const server = findOrStart(name);
  running.set(name, server);
  return server;
}

/**
 * A `globalSetup` for vitest: starts these servers once, names them in the environment, from where `sharedServer` in
 * every worker takes them, and gives back what ends them. What `HEADGATE_TEST_SKIP` names is not started.
 *
 * @example
 * // test/global-setup.ts, named in vitest.config.ts
 * export default (): Promise<() => Promise<void>> => startSharedServers(['redis', 'redis-cluster']);
 */
export async function startSharedServers(names: readonly SharedServerName[]): Promise<() => Promise<void>> {
  const wanted = names.filter((name) => skipReason(name) === undefined);
  const servers = await Promise.all(wanted.map((name) => sharedServer(name)));
  for (const server of servers) process.env[kinds[server.name].variable] = server.url;
  return async () => {
    for (const server of servers) {
      await server.stop();
      if (server.source === 'started') delete process.env[kinds[server.name].variable];
      running.delete(server.name);
    }
  };
}

async function findOrStart(name: SharedServerName): Promise<SharedServer> {
  const { variable, start } = kinds[name];
  const named = process.env[variable];
  if (named !== undefined && named !== '') return { name, url: named, source: 'environment', stop: async () => {} };
  const server = await start();
  return { name, url: server.url, source: 'started', stop: () => server.stop() };
}
