import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort } from './free-port.js';

describe('a free port', () => {
  it('can be listened on, and is never handed out twice', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()));
    expect(new Set(ports).size).toBe(50);
    const server = createServer().listen(ports[0], '127.0.0.1');
    await once(server, 'listening');
    server.close();
  });

  it('lies below the ports of outgoing connections, together with its second port', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort(10_000)));
    expect(Math.max(...ports) + 10_000).toBeLessThan(32_768);
  });
});
