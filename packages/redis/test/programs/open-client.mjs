import { Cluster, Redis } from 'ioredis';

/**
 * A client that connects when it is used: a URL is a standalone server, `host:port,host:port` a cluster.
 *
 * @param {string | undefined} address
 */
export function openClient(address = '') {
  if (address.startsWith('redis://')) return new Redis(address, { lazyConnect: true });
  const nodes = address.split(',').map((node) => {
    const [host = '', port] = node.split(':');
    return { host, port: Number(port) };
  });
  return new Cluster(nodes, { lazyConnect: true });
}
