import { randomUUID } from 'node:crypto';
import { sharedServer } from '@headgate/test-servers';
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { keySpace } from '../src/keys.js';
import { redisLimiterStore } from '../src/limiter-store.js';
import { redisLockStore } from '../src/lock-store.js';
import type { LimiterFixture, LockFixture, RawRecord } from '@headgate/conformance';

/** The kinds of client that we promise to work with. */
export const drivers = {
  'ioredis 6': {
    standalone: (url: string) => new Redis6(url),
    cluster: (nodes: Nodes, natMap: NatMap) => new Cluster6(nodes, { natMap }),
  },
  'ioredis 5': {
    standalone: (url: string) => new Redis5(url),
    cluster: (nodes: Nodes, natMap: NatMap) => new Cluster5(nodes, { natMap }),
  },
} as const;

/** The servers that hold data for the suites. */
export type ServerKind = 'redis' | 'redis-cluster' | 'valkey';

type Nodes = { host: string; port: number }[];

/** Where a client finds the nodes of a cluster, by the `host:port` under which the cluster speaks of them. */
export type NatMap = Readonly<Record<string, { readonly host: string; readonly port: number }>>;

/** Name of one kind of client. */
export type DriverName = keyof typeof drivers;
/** Any client of any kind. */
export type AnyClient = Redis6 | Redis5 | Cluster6 | Cluster5;

/** `host:port,host:port` as the nodes of a cluster. */
export function nodesOf(address: string): Nodes {
  return address.split(',').map((node) => {
    const [host = '', port] = node.split(':');
    return { host, port: Number(port) };
  });
}

/** A client of a server at an address: a URL is standalone, a list of nodes a cluster. */
export function openClient(driver: DriverName, address: string, natMap: NatMap = {}): AnyClient {
  const { standalone, cluster } = drivers[driver];
  const client: AnyClient = address.startsWith('redis://') ? standalone(address) : cluster(nodesOf(address), natMap);
  (client as Redis6).on('error', () => {}); // The stores report what their own connections meet.
  return client;
}

/** The servers that hold data: the client itself, or a cluster's masters. */
function serversOf(client: AnyClient): readonly Redis6[] {
  return ('nodes' in client ? client.nodes('master') : [client]) as readonly Redis6[];
}

/** `PEXPIRETIME`, which Redis 6.2 has not: what is left and the clock, read in the same millisecond. */
const expireTimeLua = /* lua */ `
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
while true do
  local before, leftMs = nowMs(), redis.call('PTTL', KEYS[1])
  if leftMs < 0 then return leftMs end
  if nowMs() == before then return before + leftMs end
end
`;

async function recordsOf(client: AnyClient, prefix: string): Promise<readonly RawRecord[]> {
  const found = await Promise.all(
    serversOf(client).map(async (server) => {
      const ids: string[] = [];
      for await (const page of server.scanStream({ match: `${prefix}:*`, count: 1_000 }))
        ids.push(...(page as string[]));
      const records = await Promise.all(
        ids.map(async (id) => {
          const [content, expiry] = await Promise.all([server.getBuffer(id), server.eval(expireTimeLua, 1, id)]);
          const expiresAtMs = Number(expiry);
          // -2: it has expired since it was listed, and is no record any more.
          if (expiresAtMs === -2) return [];
          return [
            { id, content: content?.toString('hex') ?? '', expiresAtMs: expiresAtMs > 0 ? expiresAtMs : undefined },
          ];
        }),
      );
      return records.flat();
    }),
  );
  return found.flat();
}

/** What both suites need: a client, a key space of its own, and an end. */
async function open(driver: DriverName, kind: ServerKind, address?: string, natMap?: NatMap) {
  const url = address ?? (await sharedServer(kind)).url;
  const client = openClient(driver, url, natMap);
  return { url, client, prefix: `t-${randomUUID()}` };
}

/** A limiter store under test. */
export async function limiterFixture(
  driver: DriverName,
  kind: ServerKind,
  address?: string,
  natMap?: NatMap,
): Promise<LimiterFixture> {
  const { url, client, prefix } = await open(driver, kind, address, natMap);
  const store = redisLimiterStore({ client, prefix });
  const { base, bucketOf } = keySpace(prefix);
  return {
    store,
    openPeer: () => redisLimiterStore({ client, prefix }),
    setup: 'none',
    records: () => recordsOf(client, prefix),
    writeForeignRecord: async (key) => {
      await (client as Redis6).set(`${base(bucketOf(key))}r:${key}`, 'hg9 from the future\n');
    },
    program: { file: new URL('./programs/limiter-holder.mjs', import.meta.url), args: [url, prefix] },
    close: async () => {
      await store.close();
      client.disconnect();
    },
  };
}

/** A lock store under test. */
export async function lockFixture(
  driver: DriverName,
  kind: ServerKind,
  address?: string,
  natMap?: NatMap,
): Promise<LockFixture> {
  const { url, client, prefix } = await open(driver, kind, address, natMap);
  const store = redisLockStore({ client, prefix });
  return {
    store,
    openPeer: () => redisLockStore({ client, prefix }),
    program: { file: new URL('./programs/lock-holder.mjs', import.meta.url), args: [url, prefix] },
    close: async () => {
      await store.close();
      client.disconnect();
    },
  };
}
