import { Cluster, Redis } from 'ioredis';
import pg from 'pg';

/** How long a question to a server may take here; a server that is well answers in a few milliseconds. */
const patienceMs = 1_000;

/** Runs `ask` with a Redis connection that reports every failure at once. */
export async function withRedis<T>(at: { host: string; port: number }, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const { host, port } = at;
  const redis = new Redis({
    host,
    port,
    lazyConnect: true,
    retryStrategy: () => null,
    commandTimeout: patienceMs,
    connectTimeout: patienceMs,
  });
  redis.on('error', () => {}); // the command that failed tells
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

/** Runs `ask` with a cluster client that starts from all of these nodes. */
export async function withCluster<T>(url: string, ask: (cluster: Cluster) => Promise<T>): Promise<T> {
  const nodes = url
    .split(',')
    .map((node) => ({ host: node.split(':')[0] as string, port: Number(node.split(':')[1]) }));
  const cluster = new Cluster(nodes, {
    lazyConnect: true,
    clusterRetryStrategy: () => null,
    redisOptions: { commandTimeout: patienceMs, connectTimeout: patienceMs },
  });
  cluster.on('error', () => {});
  try {
    await cluster.connect();
    return await ask(cluster);
  } finally {
    cluster.disconnect();
  }
}

/** Runs `ask` with a PostgreSQL connection. */
export async function withPostgres<T>(url: string, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await ask(client);
  } finally {
    await client.end();
  }
}

/** The status of a GET. */
export async function httpStatus(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(patienceMs), headers: { connection: 'close' } });
  await response.arrayBuffer();
  return response.status;
}
