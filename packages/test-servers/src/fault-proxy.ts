import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { Link, type Direction, type LinkFaults } from './fault-link.js';

/** Where a proxy sends what it is sent. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** What a proxy has seen since its start. */
export interface ProxyStats {
  /** Connections accepted so far. */
  readonly connections: number;
  /** Connections open now. */
  readonly open: number;
  /** Bytes received from clients, whether they were passed on or not. */
  readonly bytesFromClients: number;
  /** Bytes received from the server, whether they were passed on or not. */
  readonly bytesFromServer: number;
}

/** Which request loses its reply, and what becomes of its connection. */
export interface DropReplyOptions {
  /** Picks the request by its first bytes; the next one of all by default. */
  readonly when?: (request: Buffer) => boolean;
  /** `cut` (default) closes the connection in place of the reply; `hang` keeps it open and silent. */
  readonly outcome?: 'cut' | 'hang';
}

/** A TCP proxy on 127.0.0.1 that does to a connection what networks do. Faults add up until {@link FaultProxy.pass}. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  readonly stats: ProxyStats;
  /** Back to a good network: what was held is delivered (late, as TCP would), delays and arming end, connections are accepted. */
  pass(): Promise<void>;
  /** Delays every byte, in each direction, by this much. */
  latency(ms: number): void;
  /** Resets all open connections; new ones are accepted. What was held is lost. */
  cut(): void;
  /** Delivers nothing in these directions, for open and new connections; both by default. Nobody gets an error. */
  blackhole(direction?: Direction | 'both'): void;
  /**
   * Lets the next request (that `when` picks) reach the server and loses its reply, with all that the server sends on that
   * connection from then on. Resolves when the server has answered.
   */
  dropNextReply(options?: DropReplyOptions): Promise<void>;
  /** Refuses new connections (ECONNREFUSED); open ones stay. */
  refuse(): Promise<void>;
  /** Closes the proxy and its connections. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Puts a {@link FaultProxy} in front of a server. Use its `host` and `port` instead of the server's. */
export async function createFaultProxy(options: { readonly target: ProxyTarget }): Promise<FaultProxy> {
  const { target } = options;
  const links = new Set<Link>();
  const faults: LinkFaults = { latencyMs: 0, held: new Set(), dropReply: undefined };
  const totals = { connections: 0, bytesFromClients: 0, bytesFromServer: 0 };

  const accept = (client: Socket): void => {
    totals.connections += 1;
    const link = new Link(client, connect({ ...target, allowHalfOpen: true, noDelay: true }), faults, {
      onBytes: (direction, count) => {
        totals[direction === 'to-server' ? 'bytesFromClients' : 'bytesFromServer'] += count;
      },
      onClosed: () => links.delete(link),
    });
    links.add(link);
  };
  let listener = await listen(accept, 0);
  const { port } = listener.address() as AddressInfo;
  const refuse = async (): Promise<void> => {
    if (!listener.listening) return;
    const closed = once(listener, 'close');
    listener.close();
    if (links.size === 0) await closed; // with connections open, `close` comes later, but nothing is accepted any more
  };
  const cut = (): void => links.forEach((link) => link.reset());
  const stop = async (): Promise<void> => {
    cut();
    await refuse();
  };

  return {
    host: '127.0.0.1',
    port,
    get stats() {
      return { ...totals, open: links.size };
    },
    pass: async () => {
      faults.latencyMs = 0;
      faults.held.clear();
      faults.dropReply = undefined;
      links.forEach((link) => link.flush());
      if (!listener.listening) listener = await listen(accept, port);
    },
    latency: (ms) => {
      faults.latencyMs = ms;
    },
    cut,
    blackhole: (direction = 'both') => {
      if (direction !== 'to-client') faults.held.add('to-server');
      if (direction !== 'to-server') faults.held.add('to-client');
    },
    dropNextReply: ({ when = () => true, outcome = 'cut' } = {}) =>
      new Promise((resolve) => {
        faults.dropReply = { when, outcome, done: resolve };
      }),
    refuse,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function listen(accept: (client: Socket) => void, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
