import { InvalidArgumentError } from '@headgate/core';

/**
 * What the options take as a client: a `Redis` (standalone or through Sentinel) or a `Cluster`, of ioredis 5 or 6. The classes of the two versions
 * declare their overloads differently, so the arguments stay open here; {@link Client} is what we call.
 */
export interface RedisClient {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
  duplicate(...args: never[]): unknown;
  connect(...args: never[]): Promise<unknown>;
  disconnect(...args: never[]): void;
  defineCommand(...args: never[]): unknown;
  on(...args: never[]): unknown;
  off(...args: never[]): unknown;
}

/** The part of an ioredis client that we call, the same in all versions and of both classes. */
export interface Client {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
  duplicate(...args: readonly unknown[]): unknown;
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  defineCommand(name: string, definition: { readonly lua: string }): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
}

/** The options of an ioredis client that matter to us. */
interface ClientOptions {
  readonly keyPrefix?: string;
  readonly connectionName?: string | null;
  readonly retryStrategy?: unknown;
  readonly autoResendUnfulfilledCommands?: boolean;
  readonly maxRetriesPerRequest?: number | null;
  readonly retryDelayOnFailover?: number;
  readonly stringNumbers?: boolean;
  readonly natMap?: unknown;
  readonly redisOptions?: ClientOptions;
}

const methods: readonly string[] = ['duplicate', 'connect', 'disconnect', 'defineCommand', 'on', 'off'];

/** Returns `value` when it is an ioredis client that we can use; says what to pass when it is something else. */
export function checkClient(value: unknown): Client {
  const candidate = value as Partial<Client & Record<string, unknown>> | null | undefined;
  const fits =
    typeof candidate === 'object' &&
    candidate !== null &&
    methods.every((method) => typeof candidate[method] === 'function') &&
    typeof candidate.status === 'string' &&
    typeof candidate.options === 'object';
  if (!fits) {
    throw new InvalidArgumentError(
      'Expected `client` to be an ioredis client (`new Redis(...)` or `new Cluster(...)` of ioredis 5 or 6), ' +
        `got ${typeof value === 'object' && value !== null ? `an object of class ${value.constructor?.name ?? 'none'}` : String(value)}`,
    );
  }
  const { keyPrefix = '' } = candidate.options as ClientOptions;
  if (/[{}]/.test(keyPrefix)) {
    throw new InvalidArgumentError(
      `Expected the client's \`keyPrefix\` to hold no braces (they would move our hash tags), got ${JSON.stringify(keyPrefix)}`,
    );
  }
  return candidate as Client;
}

/**
 * A client of ours for commands, made like `client` and not yet connected. It sends nothing twice and holds nothing back: ioredis otherwise
 * sends again what a lost connection left unanswered, and keeps commands for later while it is down.
 */
export function commandClient(client: Client, stallTimeoutMs: number): Client {
  const node = {
    autoResendUnfulfilledCommands: false,
    // With resending off, ioredis rejects the unanswered commands of a lost connection only when this limit is reached.
    maxRetriesPerRequest: 0,
    enableAutoPipelining: false,
    stringNumbers: false,
    socketTimeout: stallTimeoutMs,
    connectionName: connectionName(client),
  };
  if (!client.isCluster) {
    return duplicate(client, { ...node, enableOfflineQueue: false, lazyConnect: true, monitor: false });
  }
  const { natMap, redisOptions } = client.options as ClientOptions;
  return duplicate(client, [], {
    enableOfflineQueue: false,
    lazyConnect: true,
    enableAutoPipelining: false,
    scaleReads: 'master',
    retryDelayOnFailover: 0,
    retryDelayOnTryAgain: 1, // It will not be better soon: we ask for each key alone.
    maxRedirections: 6,
    // With a `natMap`, ioredis files a MOVED under an address it has no connection to, and asks any node, again and again; see `Connection.send`.
    ...(natMap ? { retryDelayOnMoved: 20 } : {}),
    redisOptions: { ...redisOptions, ...node },
  });
}

/** Whether a Cluster's nodes are reached at other addresses than they give. */
export function hasNatMap(client: Client): boolean {
  return Boolean((client.options as ClientOptions).natMap);
}

/** A client of ours for subscriptions, made like `client` and not yet connected; it subscribes again whenever it reconnects. */
export function subscriberClient(client: Client): Client {
  const node = { connectionName: connectionName(client), enableAutoPipelining: false, enableReadyCheck: false };
  if (!client.isCluster)
    return duplicate(client, { ...node, lazyConnect: true, autoResubscribe: true, monitor: false });
  return duplicate(client, [], {
    lazyConnect: true,
    enableAutoPipelining: false,
    redisOptions: { ...(client.options as ClientOptions).redisOptions, connectionName: connectionName(client) },
  });
}

/** Returns `client` when commands can go through it itself without ever being sent twice. */
export function checkOwnClient(client: Client): Client {
  const options = client.options as ClientOptions;
  const fits = client.isCluster
    ? options.retryDelayOnFailover === 0 && options.redisOptions?.stringNumbers !== true
    : options.autoResendUnfulfilledCommands === false && options.maxRetriesPerRequest === 0 && !options.stringNumbers;
  if (!fits) {
    throw new InvalidArgumentError(
      'Expected a `client` used with `useClient` to have ' +
        (client.isCluster
          ? '`retryDelayOnFailover: 0`'
          : '`autoResendUnfulfilledCommands: false`, `maxRetriesPerRequest: 0`') +
        ' and no `stringNumbers`: else a lost connection may send a call twice',
    );
  }
  return client;
}

function connectionName(client: Client): string {
  const options = client.options as ClientOptions;
  return `${options.connectionName ?? options.redisOptions?.connectionName ?? 'app'}:headgate`;
}

function duplicate(client: Client, ...args: readonly unknown[]): Client {
  return client.duplicate(...args) as Client;
}
