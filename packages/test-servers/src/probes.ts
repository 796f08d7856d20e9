import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A busy machine may keep a server from answering for a second or two, milliseconds. */
const probeTimeoutMs = 5_000;

/** Sends `request` over a new connection, plain or with TLS, and gives the first bytes of the reply, or `undefined` when there is none. */
export function firstReply(port: number, request: string, tls = false): Promise<string | undefined> {
  return new Promise((resolve) => {
    const address = { host: '127.0.0.1', port };
    const socket = tls ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
    const done = (reply: string | undefined): void => {
      socket.destroy();
      resolve(reply);
    };
    socket.setTimeout(probeTimeoutMs, () => done(undefined));
    socket.once('connect', () => socket.write(request));
    socket.once('data', (data) => done(data.toString('latin1')));
    socket.once('error', () => done(undefined)); // not up yet: the caller asks again
    socket.once('close', () => done(undefined));
  });
}

/** Whether an HTTP server answers at `path` with one of these statuses. */
export async function answersHttp(port: number, path: string, statuses: readonly number[]): Promise<boolean> {
  const reply = await firstReply(port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(reply ?? '')?.[1]);
  return statuses.includes(status);
}
