import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpFaultProxy, type HttpFaultProxy } from '../src/index.js';

let server: Server;
let proxy: HttpFaultProxy;
let served: string[];

beforeEach(async () => {
  served = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    served.push(body);
    response.writeHead(201, { 'x-kind': 'real' });
    response.end(`${request.method} ${request.url} ${body}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await createHttpFaultProxy({ target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } });
});

afterEach(async () => {
  await proxy.stop();
  server.closeAllConnections();
  server.close();
});

const post = (body: string): Promise<Response> =>
  fetch(`${proxy.url}/path?q=1`, { method: 'POST', body, headers: { 'x-target': 'Put' } });

describe('an HTTP fault proxy', () => {
  it('passes a request and its answer on, and remembers the request', async () => {
    const response = await post('hello');
    expect([response.status, response.headers.get('x-kind'), await response.text()]).toEqual([
      201,
      'real',
      'POST /path?q=1 hello',
    ]);
    expect(proxy.requests).toMatchObject([
      { method: 'POST', url: '/path?q=1', body: 'hello', forwarded: true, headers: { 'x-target': 'Put' } },
    ]);
    proxy.forget();
    expect(proxy.requests).toEqual([]);
    expect(proxy.stats.connections).toBe(1);
  });

  it('answers the next requests in the place of the server, and then no longer', async () => {
    proxy.answerNext(
      2,
      { status: 500, body: { __type: 'InternalServerError' } },
      (request) => request.body !== 'other',
    );
    expect((await post('other')).status).toBe(201);
    for (let count = 0; count < 2; count += 1) {
      const response = await post('x');
      expect([response.status, await response.json()]).toEqual([500, { __type: 'InternalServerError' }]);
    }
    expect((await post('y')).status).toBe(201);
    expect(served).toEqual(['other', 'y']);
    expect(proxy.requests.map((request) => request.forwarded)).toEqual([true, false, false, true]);
  });

  it('moves the Date header, and puts it right again', async () => {
    proxy.skewDate(3_600_000);
    const aheadMs = Date.parse((await post('x')).headers.get('date') ?? '') - Date.now();
    expect(Math.abs(aheadMs - 3_600_000)).toBeLessThan(5_000);
    await proxy.pass();
    expect(Math.abs(Date.parse((await post('x')).headers.get('date') ?? '') - Date.now())).toBeLessThan(5_000);
  });

  it('loses the reply of a request that the server has served', async () => {
    const lost = proxy.dropNextReply({ when: (request) => request.includes('charge') });
    await expect(post('charge')).rejects.toThrow('fetch failed');
    await lost;
    expect(served).toEqual(['charge']);
    expect((await post('next')).status).toBe(201);
  });

  it('breaks the connection when the server is gone', async () => {
    server.closeAllConnections();
    server.close();
    await expect(post('x')).rejects.toThrow('fetch failed');
  });
});
