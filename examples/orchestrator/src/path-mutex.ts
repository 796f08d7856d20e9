import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProblemError } from './problem.js';

/**
 * Where a name is bound: on Linux an abstract socket and on Windows a pipe, which the system frees when the process dies; elsewhere a socket file, which a
 * crash in the middle of a write leaves behind.
 */
function address(name: string): string {
  const id = `headgate-orchestrator-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return `\0${id}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${id}` : join(tmpdir(), `${id}.sock`);
}

/**
 * Runs `work` while no other process of this machine runs work of the same name. For the milliseconds of a file's check and write; a lock with a lease
 * would need fencing itself.
 */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const server = createServer();
    try {
      server.listen({ path: address(name) });
      await once(server, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (performance.now() > deadline)
        throw new ProblemError({ status: 503, title: 'Busy', detail: 'The file is being written by others' });
      await sleep(1 + Math.random() * 4);
      continue;
    }
    try {
      return await work();
    } finally {
      server.close();
      await once(server, 'close');
    }
  }
}
