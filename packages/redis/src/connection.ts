import { setTimeout as sleep } from 'node:timers/promises';
import { ClosedError, InvalidArgumentError, StoreError } from '@headgate/core';
import { checkClient, checkOwnClient, commandClient, hasNatMap } from './client.js';
import { toStoreError, wasMoved } from './store-error.js';
import { StallWatch } from './stall-watch.js';
import { connected } from './waiting.js';
import type { Client, RedisClient } from './client.js';
import type { Script } from './script.js';

/** How a store connects. */
export interface RedisConnectionOptions {
  /** An ioredis client (5 or 6): `Redis`, also through Sentinel, or `Cluster`. We duplicate it and never close it. */
  readonly client: RedisClient;
  /**
   * Send commands through `client` itself instead of a duplicate; default false. It then must have been made with
   * `autoResendUnfulfilledCommands: false` and `maxRetriesPerRequest: 0` (in a Cluster, `retryDelayOnFailover: 0`), because a lost connection
   * could otherwise send a call twice; anything else is refused.
   */
  readonly useClient?: boolean | undefined;
  /** Longest silence (up to a quarter more) of a server that owes us replies before its connection is given up and made anew, milliseconds; default 5,000. */
  readonly stallTimeoutMs?: number | undefined;
}

/** Names of what both stores take. */
export const connectionOptions = { client: 0, useClient: 0, stallTimeoutMs: 0, name: 0, prefix: 0, buckets: 0 };

/** Most attempts at what ran nowhere: a script that the server keeps forgetting, or a call for which no node of the Cluster was the right one. */
const mostAttempts = 4;
/** How long ioredis is given to read the table of slots anew, milliseconds. */
const slotsReadMs = 20;

type Command = (...args: unknown[]) => Promise<unknown>;
type Pipeline = Record<string, unknown> & {
  exec(): Promise<readonly (readonly [error: Error | null, result: unknown])[]>;
};

/**
 * The connection a store sends its commands through. Commands fail at once while it is down and are never sent twice; it comes back in the
 * background by the client's own `retryStrategy`. The first call connects; it and those beside it wait for the outcome.
 */
export class Connection {
  readonly client: Client;
  readonly isCluster: boolean;
  readonly #store: string;
  readonly #owned: boolean;
  readonly #stalls: StallWatch | undefined;
  #opening: Promise<void> | undefined;
  #opened = false;
  #closed = false;
  #lastError: unknown;
  #unusable: StoreError | undefined;
  #reopenedAtMs = 0;

  constructor(store: string, options: RedisConnectionOptions, scripts: readonly Script[]) {
    const given = checkClient(options.client);
    const stallTimeoutMs = options.stallTimeoutMs ?? 5_000;
    if (!Number.isInteger(stallTimeoutMs) || stallTimeoutMs < 100) {
      throw new InvalidArgumentError(
        `Expected \`stallTimeoutMs\` to be an integer of at least 100, got ${stallTimeoutMs}`,
      );
    }
    this.#store = store;
    this.isCluster = given.isCluster === true;
    this.#owned = options.useClient !== true;
    this.client = this.#owned ? commandClient(given, stallTimeoutMs) : checkOwnClient(given);
    this.client.on('error', this.#onError);
    if (this.isCluster) this.client.on('node error', this.#onError);
    if (this.isCluster && this.#owned) {
      this.client.on('+node', this.#onNode);
      this.client.on('ready', this.#onClusterReady);
    }
    if (this.#owned && !this.isCluster) this.#stalls = this.#watchStalls(stallTimeoutMs);
    for (const { name, lua } of scripts) this.client.defineCommand(name, { lua });
  }

  /** Takes the watch over silence from ioredis while the connection is ready: it would set a timer for each command. */
  #watchStalls(stallTimeoutMs: number): StallWatch {
    const { client } = this;
    const options = client.options as { socketTimeout?: number | undefined };
    client.on('ready', () => (options.socketTimeout = undefined));
    client.on('close', () => (options.socketTimeout = stallTimeoutMs));
    return new StallWatch(stallTimeoutMs, () => {
      const { stream } = client as unknown as { stream?: { destroy(error: Error): void } };
      stream?.destroy(new Error(`Socket timeout. No reply for ${stallTimeoutMs} ms.`));
    });
  }

  readonly #onError = (error: unknown): void => {
    this.#lastError = error;
  };

  // Nodes connect when they are first used, and while they do, we would be refused; so they connect when they are found. Not before the
  // cluster itself is ready: its own check would be refused.
  readonly #onNode = (node: Client): void => {
    if (node.status === 'wait' && this.client.status === 'ready') node.connect().catch(this.#onError);
  };

  readonly #onClusterReady = (): void => {
    for (const node of this.#masters()) this.#onNode(node);
  };

  #masters(): readonly Client[] {
    return (this.client as unknown as { nodes(role: 'master'): readonly Client[] }).nodes('master');
  }

  /**
   * Sends a script and resolves to what `read` makes of its reply; otherwise like {@link send}. The usual call goes without an async function, whose
   * steps are a good part of what a lone call costs the process.
   */
  run<T>(script: Script, args: readonly string[], read: (reply: unknown) => T | Promise<T>): Promise<T> {
    const anew = (): Promise<T> => this.send(script, [...args]).then(read);
    if (!script.isLoaded || this.isCluster || !this.#isUsable) return anew();
    this.#stalls?.sent();
    return this.#call(script.methods.evalsha, [script.sha, ...args]).then(
      (reply) => {
        this.#stalls?.settled();
        return read(reply);
      },
      (error: unknown) => {
        this.#stalls?.settled();
        if (!isForgotten(error)) throw this.failure(error);
        script.isLoaded = false;
        return anew();
      },
    );
  }

  get #isUsable(): boolean {
    return this.#opened && this.client.status === 'ready' && !this.#unusable;
  }

  /** Sends one command or script. Rejects with a {@link StoreError}; when the connection broke meanwhile, whether the command ran is unknown. */
  async send(command: string | Script, args: unknown[]): Promise<unknown> {
    if (!this.#isUsable) await this.ready();
    this.#stalls?.sent();
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await (typeof command === 'string' ? this.#call(command, args) : this.#runAny(command, args));
        } catch (error) {
          // Caches that are flushed again and again need more than one repetition.
          if (attempt === mostAttempts) throw this.failure(error);
          if (typeof command !== 'string' && isForgotten(error)) command.isLoaded = false;
          // ioredis files a MOVED under the address that the node gives. With a `natMap` it has no connection there, and asks any node until it gives up.
          else if (hasNatMap(this.client) && wasMoved(error)) await sleep(slotsReadMs);
          else throw this.failure(error);
        }
      }
    } finally {
      this.#stalls?.settled();
    }
  }

  #call(method: string, args: unknown[]): Promise<unknown> {
    return ((this.client as unknown as Record<string, Command>)[method] as Command).apply(this.client, args);
  }

  /** Calls a script; in a Cluster through ioredis, which knows what each node has loaded. Without it a lone call costs less. */
  #runAny(script: Script, args: unknown[]): Promise<unknown> {
    const { methods, lua, sha } = script;
    if (this.isCluster) return this.#call(methods.own, args);
    if (script.isLoaded) return this.#call(methods.evalsha, [sha, ...args]);
    script.isLoaded = true;
    return this.#call(methods.eval, [lua, ...args]);
  }

  /**
   * Sends one command and, behind it on the same connection, `WAIT`. Resolves to the command's reply and the number of replicas that have
   * everything up to it.
   */
  async sendAndWait(
    { name }: Script,
    args: readonly unknown[],
    replicas: { readonly count: number; readonly timeoutMs: number },
  ): Promise<readonly [reply: unknown, acknowledged: number]> {
    await this.ready();
    this.#stalls?.sent();
    const pipeline = (this.client as unknown as { pipeline(): Pipeline }).pipeline();
    (pipeline[name] as Command).apply(pipeline, [...args]);
    (pipeline['wait'] as Command).call(pipeline, replicas.count, replicas.timeoutMs);
    try {
      const results = await pipeline.exec();
      for (const [error] of results) if (error) throw error;
      return results.map(([, result]) => result) as [unknown, number];
    } catch (error) {
      throw this.failure(error);
    } finally {
      this.#stalls?.settled();
    }
  }

  /** Resolves when commands can be sent; rejects at once when the connection was lost. */
  async ready(): Promise<void> {
    if (this.#closed) throw new ClosedError(`The ${this.#store} store is closed`);
    if (!this.#opened) {
      this.#opening ??= this.#open();
      await this.#opening;
    }
    if (this.#unusable) throw this.#unusable;
    if (this.client.status === 'ready') return;
    if (this.client.status === 'end') this.#reopen();
    throw this.#down();
  }

  /** What to throw for `error`. After trouble with the connection it also looks for the right server. */
  failure(error: unknown): StoreError {
    const failure = toStoreError(this.#store, error);
    if (failure.kind === 'connection') this.#lookAgain(failure.message.includes('READONLY'));
    return failure;
  }

  /** Ends the connection if it is ours. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#owned) {
      this.client.off('+node', this.#onNode);
      this.client.off('ready', this.#onClusterReady);
      this.client.disconnect();
    } else {
      this.client.off('error', this.#onError);
      this.client.off('node error', this.#onError);
    }
  }

  async #open(): Promise<void> {
    try {
      await connected(this.client);
      if (this.isCluster) await Promise.allSettled(this.#masters().map((node) => connected(node)));
      await this.#checkVersion();
    } catch (error) {
      // The client goes on connecting in the background; `ready` says why it is not there.
      this.#lastError ??= error;
    }
    this.#opened = true;
  }

  async #checkVersion(): Promise<void> {
    const info = await (this.client as unknown as { info(section: string): Promise<string> }).info('server');
    const [, major, minor] = /redis_version:(\d+)\.(\d+)/.exec(info) ?? [];
    if (major === undefined || Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2)) return;
    this.#unusable = new StoreError(`Redis 6.2 or later is required, the server is ${major}.${minor}`, {
      store: this.#store,
      kind: 'other',
    });
  }

  // A client whose retry strategy gave up is asked again by the next call, at most four times a second.
  #reopen(): void {
    const nowMs = performance.now();
    if (!this.#owned || nowMs - this.#reopenedAtMs < 250) return;
    this.#reopenedAtMs = nowMs;
    this.client.connect().catch(this.#onError);
  }

  #lookAgain(isReplica: boolean): void {
    if (this.#closed || !this.#owned) return;
    if (this.isCluster) {
      (this.client as { refreshSlotsCache?: (done: () => void) => void }).refreshSlotsCache?.(() => {});
    } else if (isReplica && this.client.status === 'ready') {
      this.client.disconnect(true);
    }
  }

  #down(): StoreError {
    const cause = this.#lastError;
    const failure = cause === undefined ? undefined : toStoreError(this.#store, cause);
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    return new StoreError(`Redis is not connected (${this.client.status})${why}; nothing was sent`, {
      store: this.#store,
      kind: failure?.kind === 'auth' ? 'auth' : 'connection',
      cause,
    });
  }
}

/** Whether the server has forgotten the script, which then has not run. */
function isForgotten(error: unknown): boolean {
  return String(error).includes('NOSCRIPT');
}
