import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFaultProxy, type FaultProxy } from '../src/index.js';

/** Long enough for a loop-back connection to deliver what it is going to deliver. */
const settleMs = 60;

/** A server that upper-cases what it is sent, and remembers it. */
let server: Server;
let received: string;
let proxy: FaultProxy;
let sockets: Socket[];

beforeEach(async () => {
  received = '';
  sockets = [];
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      received += data.toString();
      socket.write(data.toString().toUpperCase());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await createFaultProxy({ target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } });
});

afterEach(async () => {
  await proxy.stop();
  for (const socket of sockets) socket.destroy();
  server.close();
});

/** A connection through the proxy that remembers what it heard and how it ended. */
async function client(): Promise<{ socket: Socket; heard: () => string; ending: Promise<string> }> {
  const socket = connect({ host: proxy.host, port: proxy.port });
  sockets.push(socket);
  let heard = '';
  socket.on('data', (data) => (heard += data.toString()));
  const ending = new Promise<string>((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.once('close', () => resolve('closed'));
  });
  await once(socket, 'connect');
  return { socket, heard: () => heard, ending };
}

async function says(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [data] = await once(socket, 'data');
  return String(data);
}

describe('a fault proxy', () => {
  it('passes bytes on and counts them', async () => {
    const { socket } = await client();
    expect(await says(socket, 'hello')).toBe('HELLO');
    expect(proxy.stats).toEqual({ connections: 1, open: 1, bytesFromClients: 5, bytesFromServer: 5 });
  });

  it('passes the end of a connection on, in both directions', async () => {
    const { socket, ending } = await client();
    expect(await says(socket, 'x')).toBe('X');
    const serverSide = sockets.find(
      (candidate) => candidate.localPort === (server.address() as AddressInfo).port,
    ) as Socket;
    const ended = once(serverSide, 'end');
    socket.end();
    await ended;
    expect(await ending).toBe('closed');
    await expect.poll(() => proxy.stats.open).toBe(0);
  });

  it('delays each direction', async () => {
    const { socket } = await client();
    await says(socket, 'warm');
    proxy.latency(50);
    const start = performance.now();
    expect(await says(socket, 'slow')).toBe('SLOW');
    expect(performance.now() - start).toBeGreaterThanOrEqual(99); // timers may fire a fraction of a millisecond early
    await proxy.pass();
    const fast = performance.now();
    await says(socket, 'fast');
    expect(performance.now() - fast).toBeLessThan(95);
  });

  it('cuts open connections and accepts new ones', async () => {
    const { socket, ending } = await client();
    await says(socket, 'x');
    proxy.cut();
    expect(await ending).toBe('ECONNRESET');
    const next = await client();
    expect(await says(next.socket, 'again')).toBe('AGAIN');
  });

  it('holds requests in a black hole towards the server and delivers them late', async () => {
    const { socket, heard } = await client();
    proxy.blackhole('to-server');
    socket.write('late');
    await sleep(settleMs);
    expect(received).toBe('');
    await proxy.pass();
    await expect.poll(heard).toBe('LATE');
  });

  it('holds replies in a black hole towards the client, while requests go through', async () => {
    const { socket, heard } = await client();
    proxy.blackhole('to-client');
    socket.write('done');
    await expect.poll(() => received).toBe('done');
    await sleep(settleMs);
    expect(heard()).toBe('');
    await proxy.pass();
    await expect.poll(heard).toBe('DONE');
  });

  it('hides even the end of a connection in a black hole, and forgets what it holds when cut', async () => {
    const { socket } = await client();
    await says(socket, 'x');
    proxy.blackhole();
    socket.write('lost');
    await expect.poll(() => proxy.stats.bytesFromClients).toBe(5);
    proxy.cut();
    await proxy.pass();
    expect(await says((await client()).socket, 'y')).toBe('Y');
    expect(received).toBe('xy');
  });

  it('loses one reply after its request went through, and cuts the connection', async () => {
    const { socket, heard, ending } = await client();
    const lost = proxy.dropNextReply();
    socket.write('charged');
    await lost;
    expect(await ending).toBe('ECONNRESET');
    expect([received, heard()]).toEqual(['charged', '']);
    expect(await says((await client()).socket, 'next')).toBe('NEXT');
  });

  it('loses the reply of the request that is picked, and may leave the connection hanging', async () => {
    const { socket, heard } = await client();
    const lost = proxy.dropNextReply({ when: (request) => request.includes('write'), outcome: 'hang' });
    expect(await says(socket, 'read')).toBe('READ');
    socket.write('write');
    await lost;
    await sleep(settleMs);
    expect([received, heard(), socket.destroyed]).toEqual(['readwrite', 'READ', false]);
  });

  it('refuses new connections, keeps open ones, and accepts again on the same port', async () => {
    const { socket } = await client();
    await says(socket, 'x');
    await proxy.refuse();
    await expect(client()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await says(socket, 'still')).toBe('STILL');
    await proxy.pass();
    expect(await says((await client()).socket, 'back')).toBe('BACK');
  });

  it('resets its client when the server cannot be reached', async () => {
    const dead = await createFaultProxy({ target: { host: '127.0.0.1', port: 1 } });
    const socket = connect({ host: dead.host, port: dead.port });
    const [error] = await once(socket, 'error');
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    await dead.stop();
  });
});
