import { randomBytes } from 'node:crypto';
import { subscriberClient } from './client.js';
import { connected } from './waiting.js';
import type { LockLostReason, LockStoreListener } from '@headgate/core';
import type { Client } from './client.js';

type Message =
  | readonly ['w', key: string, leaseId: string]
  | readonly ['l', key: string, leaseId: string, reason: LockLostReason];

/**
 * The one channel on which a store instance hears of grants from the queue and of leases that were taken away. Messages are hints: what is
 * lost with a connection is made up for by the waiters' polls and by the next extension.
 */
export class Inbox {
  readonly channel: string;
  readonly #listeners = new Set<LockStoreListener>();
  readonly #make: () => Client;
  readonly #warn: (message: string) => void;
  readonly #shared: boolean;
  #client: Client | undefined;
  #open: Promise<void> | undefined;
  #settled = false;

  /** `shared` is a Cluster client that keeps a connection for subscriptions itself; otherwise one is made like `client` when somebody listens. */
  constructor(prefix: string, client: Client, shared: Client | undefined, warn: (message: string) => void) {
    this.channel = `${prefix}:inbox:${randomBytes(12).toString('base64url')}`;
    this.#make = () => shared ?? subscriberClient(client);
    this.#shared = shared !== undefined;
    this.#warn = warn;
  }

  /** Adds a listener and begins to listen; returns how to take it away. */
  add(listener: LockStoreListener): () => void {
    this.#listeners.add(listener);
    this.#open ??= this.#listen().finally(() => (this.#settled = true));
    return () => this.#listeners.delete(listener);
  }

  /** The channel that others should write to; empty while nobody listens. */
  get address(): string {
    return this.#listeners.size > 0 ? this.channel : '';
  }

  /** Whether {@link ready} has nothing to wait for. */
  get settled(): boolean {
    return this.#open === undefined || this.#settled;
  }

  /** Resolves when the first attempt to subscribe has ended, whatever came of it. */
  async ready(): Promise<void> {
    await this.#open;
  }

  /** Stops listening. */
  close(): void {
    this.#listeners.clear();
    this.#client?.off('message', this.#onMessage);
    this.#client?.off('ready', this.#onReady);
    if (!this.#shared) this.#client?.disconnect();
    else if (this.#client) this.#call('unsubscribe').catch(() => {}); // It may be the caller's own, which stays open.
  }

  async #listen(): Promise<void> {
    const client = this.#make();
    this.#client = client;
    client.on('message', this.#onMessage);
    if (!this.#shared) client.on('error', () => {}); // Reported by the command connection, which meets the same server.
    try {
      await connected(client);
      await this.#call('subscribe');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message.startsWith('NOPERM')) {
        this.#warn(
          `The Redis user may not subscribe to \`${this.channel}\` (grant \`+subscribe &<prefix>*\`); waiters will poll.`,
        );
        return;
      }
      // Not there yet: ioredis connects again by itself, but knows of no subscription to renew.
      client.on('ready', this.#onReady);
    }
  }

  readonly #onReady = (): void => void this.#call('subscribe').catch(() => this.#client?.off('ready', this.#onReady));

  #call(command: 'subscribe' | 'unsubscribe'): Promise<unknown> {
    const client = this.#client as unknown as Record<typeof command, (channel: string) => Promise<unknown>>;
    return client[command](this.channel);
  }

  readonly #onMessage = (channel: string, text: string): void => {
    if (channel !== this.channel) return;
    const message = JSON.parse(text) as Message;
    for (const listener of this.#listeners) {
      if (message[0] === 'w') listener.wake(message[1], message[2]);
      else listener.lost({ key: message[1], leaseId: message[2] }, message[3]);
    }
  };
}
