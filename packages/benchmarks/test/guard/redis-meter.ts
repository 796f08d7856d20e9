import { createFaultProxy, startRedis } from '@headgate/test-servers';
import { Redis } from 'ioredis';

/** What went to a Redis server. */
export interface RedisUse {
  /** Script calls, each of which is one request and one round trip of a client. */
  readonly requests: number;
  /** Commands, of scripts too, that are not known to only read. */
  readonly writes: number;
  /** Bytes both ways on the clients' connections. */
  readonly bytes: number;
}

/** A Redis of its own whose use is counted by the server itself and by a proxy before it. */
export interface RedisMeter extends AsyncDisposable {
  /** A client whose traffic is counted; stores duplicate it. */
  readonly client: Redis;
  /** What `work` used. Nothing else may use the server meanwhile. */
  measure(work: () => Promise<unknown>): Promise<RedisUse>;
}

/** Commands that change nothing, or that are a request and not a write. Any other counts as a write. */
const noWrites = new Set(
  'evalsha eval script|load get mget hget hmget hgetall exists pttl ttl time zcard zscore zrange zcount smembers scard sscan zscan ping info select hello client|setinfo client|setname subscribe'.split(
    ' ',
  ),
);

/** Starts one. */
export async function startRedisMeter(): Promise<RedisMeter> {
  const server = await startRedis();
  const proxy = await createFaultProxy({ target: server });
  const client = new Redis(proxy.port, proxy.host);
  const observer = new Redis(server.url);

  async function look(): Promise<RedisUse> {
    const stats = (await observer.info('commandstats')).matchAll(/cmdstat_([^:]+):calls=(\d+)/g);
    let requests = 0;
    let writes = 0;
    for (const [, name = '', calls] of stats) {
      if (name === 'evalsha' || name === 'eval') requests += Number(calls);
      if (!noWrites.has(name)) writes += Number(calls);
    }
    const { bytesFromClients, bytesFromServer } = proxy.stats;
    return { requests, writes, bytes: bytesFromClients + bytesFromServer };
  }

  return {
    client,
    async measure(work) {
      const before = await look();
      await work();
      const after = await look();
      return {
        requests: after.requests - before.requests,
        writes: after.writes - before.writes,
        bytes: after.bytes - before.bytes,
      };
    },
    async [Symbol.asyncDispose]() {
      client.disconnect();
      observer.disconnect();
      await proxy.stop();
      await server.stop();
    },
  };
}
