import type { Socket } from 'node:net';

/** The two ways of a connection. */
export type Direction = 'to-server' | 'to-client';

/** The faults that all connections of a proxy share; the proxy changes them, the links read them. */
export interface LinkFaults {
  latencyMs: number;
  /** Directions in which nothing is delivered. */
  readonly held: Set<Direction>;
  /** The reply to lose, while one is wanted. */
  dropReply:
    | { readonly when: (request: Buffer) => boolean; readonly outcome: 'cut' | 'hang'; readonly done: () => void }
    | undefined;
}

interface LinkEvents {
  readonly onBytes: (direction: Direction, count: number) => void;
  readonly onClosed: () => void;
}

/**
 * A reply may be in pieces, and replies to earlier requests may come first: a reply counts as complete when the server has
 * been silent for this long.
 */
const silenceMs = 20;

/** One connection through a proxy: a client's socket, the server's socket, and what lies between. */
export class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #pipes: readonly Pipe[];
  #closed = false;

  constructor(client: Socket, server: Socket, faults: LinkFaults, events: LinkEvents) {
    this.#client = client;
    this.#server = server;
    const toServer = new Pipe('to-server', server, faults);
    const toClient = new Pipe('to-client', client, faults);
    this.#pipes = [toServer, toClient];

    let losing: LinkFaults['dropReply'];
    let silence: NodeJS.Timeout | undefined;
    client.on('data', (data: Buffer) => {
      events.onBytes('to-server', data.length);
      if (faults.dropReply?.when(data) === true) {
        losing = faults.dropReply;
        faults.dropReply = undefined;
      }
      toServer.push(data);
    });
    server.on('data', (data: Buffer) => {
      events.onBytes('to-client', data.length);
      if (losing === undefined) return toClient.push(data);
      clearTimeout(silence);
      silence = setTimeout(() => this.#replyLost(losing), silenceMs);
    });
    for (const [source, pipe] of [
      [client, toServer],
      [server, toClient],
    ] as const) {
      source.on('end', () => pipe.push('end'));
      source.on('error', () => pipe.push('reset')); // the other side gets the same, when it may
      source.on('close', () => {
        if (!client.destroyed || !server.destroyed) return;
        if (!this.#closed) events.onClosed();
        this.#closed = true;
      });
    }
  }

  /** The server has done what it was asked: it sees a client that leaves, the client a connection that breaks. */
  #replyLost(dropReply: LinkFaults['dropReply']): void {
    if (dropReply?.outcome === 'cut') {
      for (const pipe of this.#pipes) pipe.discard();
      this.#client.resetAndDestroy();
      this.#server.end();
    }
    dropReply?.done(); // a link that hangs stays one that loses
  }

  /** Delivers what was held and may go now. */
  flush(): void {
    for (const pipe of this.#pipes) pipe.drain();
  }

  /** Resets both sides at once. */
  reset(): void {
    for (const pipe of this.#pipes) pipe.discard();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }
}

/** One direction of a link: a queue that lets its items out when they are due and the direction is not held. */
class Pipe {
  readonly #direction: Direction;
  readonly #sink: Socket;
  readonly #faults: LinkFaults;
  #queue: { readonly item: Buffer | 'end' | 'reset'; readonly dueMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(direction: Direction, sink: Socket, faults: LinkFaults) {
    this.#direction = direction;
    this.#sink = sink;
    this.#faults = faults;
  }

  push(item: Buffer | 'end' | 'reset'): void {
    this.#queue.push({ item, dueMs: performance.now() + this.#faults.latencyMs });
    this.drain();
  }

  drain(): void {
    clearTimeout(this.#timer);
    while (!this.#faults.held.has(this.#direction)) {
      const next = this.#queue[0];
      if (next === undefined) return;
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.drain(), waitMs);
        return;
      }
      this.#queue.shift();
      if (next.item === 'end') this.#sink.end();
      else if (next.item === 'reset') this.#sink.resetAndDestroy();
      else this.#sink.write(next.item);
    }
  }

  discard(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
  }
}
