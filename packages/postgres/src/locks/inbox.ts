import { ClosedError } from '@headgate/core';
import { isServerError, toStoreError } from '../errors.js';
import { connect, keepsAlive } from './connect.js';
import type { LockLostReason } from '@headgate/core';
import type pg from 'pg';
import type { Names } from '../names.js';
import type { ConnectionOptions } from './connect.js';

/** What arrives for this process. */
export interface InboxListener {
  /** A waiter's turn may have come. */
  wake(leaseId: string): void;
  /** A waiter is the next: whoever holds the lock has it since now. */
  next(leaseId: string): void;
  /** Somebody wants a lease of this process back. */
  evict(leaseId: string, fencingToken: number, reason: LockLostReason): void;
  /** Messages may have been missed. */
  missed(): void;
  /** Whether there is anything to listen for. */
  needed(): boolean;
}

/** The connection that waits: it listens on this process's channel, and carries what operators ask. It holds no lock and no snapshot. */
export class Inbox {
  readonly #connection: ConnectionOptions;
  readonly #names: Names;
  readonly #channel: string;
  readonly #listener: InboxListener;
  #opening: Promise<pg.Client> | undefined;
  #client: pg.Client | undefined;
  #retryMs = 100;
  #retry: NodeJS.Timeout | undefined;
  #busy = 0;
  #closed = false;

  constructor(connection: ConnectionOptions, names: Names, channel: string, listener: InboxListener) {
    this.#connection = connection;
    this.#names = names;
    this.#channel = channel;
    this.#listener = listener;
  }

  /** Resolves when this process hears what is sent to it. */
  async listen(): Promise<void> {
    await this.#open();
  }

  get listening(): boolean {
    return this.#client !== undefined;
  }

  async query<T extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<T[]> {
    const client = await this.#open();
    keepsAlive(client, true);
    this.#busy += 1;
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return (await client.query<T>(text, [...values])).rows;
        } catch (error) {
          if (this.#closed) throw new ClosedError('The store is closed');
          // Readers of one key may be locked in another order by their own process: the server undid this statement, and it can go again.
          if (!isServerError(error) || error.code !== '40P01' || attempt === 3) throw toStoreError(error);
        }
      }
    } finally {
      this.#busy -= 1;
      if (this.#busy === 0) keepsAlive(client, false);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const opening = this.#opening;
    this.#opening = undefined;
    this.#client = undefined;
    // One that never opened has nothing to end.
    const client = await opening?.catch(() => undefined);
    await client?.end().catch(() => {});
  }

  #open(): Promise<pg.Client> {
    // A connection opened after the end would stay, with nobody to close it.
    if (this.#closed) return Promise.reject(new ClosedError('The store is closed'));
    this.#opening ??= this.#connect().catch((error: unknown) => {
      this.#opening = undefined;
      throw toStoreError(error);
    });
    return this.#opening;
  }

  async #connect(): Promise<pg.Client> {
    const client = await connect(this.#connection, 'headgate inbox');
    const gone = (): void => {
      if (this.#client !== client) return;
      this.#client = undefined;
      this.#opening = undefined;
      this.#reconnectLater();
    };
    client.on('notification', ({ payload = '' }) => this.#hear(payload));
    try {
      await client.query(`LISTEN "${this.#channel}"`);
      const marked = await client.query<{ lease_id: string; token: number; evict: LockLostReason }>(
        `SELECT lease_id, first_token::float8 AS token, evict FROM ${this.#names.of('leases')} WHERE channel = $1 AND evict IS NOT NULL`,
        [this.#channel],
      );
      for (const { lease_id, token, evict } of marked.rows) this.#listener.evict(lease_id, token, evict);
    } catch (error) {
      void client.end().catch(() => {});
      throw error;
    }
    client.on('error', gone);
    client.on('end', gone);
    keepsAlive(client, false);
    this.#client = client;
    this.#retryMs = 100;
    return client;
  }

  #hear(payload: string): void {
    const rest = payload.slice(1);
    if (payload.startsWith('w')) {
      this.#listener.wake(rest);
      return;
    }
    if (payload.startsWith('n')) {
      this.#listener.next(rest);
      return;
    }
    const space = rest.indexOf(' ');
    const reason = payload.startsWith('s') ? 'session' : 'forced';
    this.#listener.evict(rest.slice(space + 1), Number(rest.slice(0, space)), reason);
  }

  #reconnectLater(): void {
    if (this.#closed || !this.#listener.needed()) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(
      () => {
        if (this.#closed || this.#client || !this.#listener.needed()) return;
        this.#open().then(
          () => this.#listener.missed(),
          () => this.#reconnectLater(),
        );
      },
      this.#retryMs * (0.5 + Math.random() / 2),
    ).unref();
    this.#retryMs = Math.min(5_000, this.#retryMs * 2);
  }
}
