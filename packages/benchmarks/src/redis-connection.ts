import { Cluster, Redis } from 'ioredis';

/** A client of one server by its URL, or of a cluster by the `host:port` pairs of its nodes with commas between. */
export function connectRedis(address: string): Redis | Cluster {
  if (!address.includes(',')) return new Redis(address);
  return new Cluster(
    address.split(',').map((node) => {
      const [host, port] = node.split(':') as [string, string];
      return { host, port: Number(port) };
    }),
  );
}
