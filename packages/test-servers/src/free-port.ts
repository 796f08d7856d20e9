import { createServer } from 'node:net';

/** Below Linux's usual range for outgoing connections (32768 and up), so that a stopped server's port stays its own. */
const lowestPort = 15_000;
const highestPort = 32_700;
const attempts = 200;

const handedOut = new Set<number>();

/**
 * A TCP port of 127.0.0.1 that nobody listens on, never the same twice in one process. Another process may still take it
 * before it is used: starters try again with another one.
 *
 * @param alsoFree distance to a second port that must be free as well, such as 10,000 for the bus of a Redis Cluster node
 */
export async function freePort(alsoFree = 0): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - alsoFree - lowestPort));
    if (handedOut.has(port)) continue;
    if (!(await canListen(port))) continue;
    if (alsoFree > 0 && !(await canListen(port + alsoFree))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error(`Found no free port between ${lowestPort} and ${highestPort} in ${attempts} attempts.`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
