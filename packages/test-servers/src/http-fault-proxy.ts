import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFaultProxy, type FaultProxy, type ProxyTarget } from './fault-proxy.js';

/** An answer that the proxy gives in place of the server. */
export interface CannedAnswer {
  readonly status: number;
  /** Sent as it is when a string, else as JSON. Empty by default. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request that came through. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether the server got it, rather than a canned answer being given. */
  readonly forwarded: boolean;
}

/** A {@link FaultProxy} for an HTTP server, which can also answer in the server's place and bend its clock. */
export interface HttpFaultProxy extends FaultProxy {
  /** What to use as the server's address. */
  readonly url: string;
  /** Every request since the start or the last {@link HttpFaultProxy.forget}, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  forget(): void;
  /**
   * The next `count` requests (that `when` picks) get this answer and do not reach the server. A second call queues
   * behind the first; {@link FaultProxy.pass} forgets what is left.
   */
  answerNext(count: number, answer: CannedAnswer, when?: (request: Omit<SeenRequest, 'forwarded'>) => boolean): void;
  /** Moves the `Date` header of the server's answers by this much. 0 puts it right. */
  skewDate(ms: number): void;
}

interface Canned {
  left: number;
  readonly answer: CannedAnswer;
  readonly when: (request: Omit<SeenRequest, 'forwarded'>) => boolean;
}

/** Puts an {@link HttpFaultProxy} in front of an HTTP server, such as a DynamoDB Local. */
export async function createHttpFaultProxy(options: { readonly target: ProxyTarget }): Promise<HttpFaultProxy> {
  const { target } = options;
  const agent = new Agent({ keepAlive: true });
  const requests: SeenRequest[] = [];
  let canned: Canned[] = [];
  let skewMs = 0;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readAll(request);
    const seen = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: body.toString('utf8'),
    };
    const match = canned.find((entry) => entry.left > 0 && entry.when(seen));
    requests.push({ ...seen, forwarded: match === undefined });
    if (match !== undefined) {
      match.left -= 1;
      return answer(response, match.answer);
    }
    const upstream = httpRequest({ ...target, agent, method: seen.method, path: seen.url, headers: request.headers });
    upstream.end(body);
    const [reply] = (await once(upstream, 'response')) as [IncomingMessage];
    const headers = { ...reply.headers };
    if (headers.date !== undefined && skewMs !== 0)
      headers.date = new Date(Date.parse(headers.date) + skewMs).toUTCString();
    response.sendDate = false;
    response.writeHead(reply.statusCode ?? 502, headers);
    response.end(await readAll(reply));
  };
  const middle = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy()); // the server or the client went away: so does the connection
  });
  middle.listen(0, '127.0.0.1');
  await once(middle, 'listening');
  const outer = await createFaultProxy({ target: { host: '127.0.0.1', port: (middle.address() as AddressInfo).port } });

  const stop = async (): Promise<void> => {
    await outer.stop();
    agent.destroy();
    if (!middle.listening) return;
    const closed = once(middle, 'close');
    middle.close();
    middle.closeAllConnections();
    await closed;
  };
  return {
    ...outer,
    url: `http://127.0.0.1:${outer.port}`,
    get stats() {
      return outer.stats;
    },
    requests,
    forget: () => void requests.splice(0),
    answerNext: (count, cannedAnswer, when = () => true) =>
      void canned.push({ left: count, answer: cannedAnswer, when }),
    skewDate: (ms) => {
      skewMs = ms;
    },
    pass: () => {
      canned = [];
      skewMs = 0;
      return outer.pass();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function answer(response: ServerResponse, { status, body = '', headers }: CannedAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
