import { checkName, durationMs, integerIn, invalid, oneOf, optionsObject, systemClock } from '@headgate/core';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock, Hooks, OptionNames } from '@headgate/core';
import type { FailurePlace } from './store-error.js';

/** What is asked of a `DynamoDBClient` of `@aws-sdk/client-dynamodb` 3. The caller makes it, configures it and destroys it. */
export type DynamoClient = Pick<DynamoDBClient, 'send'>;

/** Emulators that lack a part of the service and say so in their stores' capabilities. */
export type DynamoEmulator = 'dynalite';

/** Options that both stores have. */
export interface DynamoStoreOptions {
  readonly client: DynamoClient;
  /** Name of a table as `createTable` makes it. */
  readonly table: string;
  /** The `store` label of every metric; default `dynamodb`. */
  readonly name?: string | undefined;
  /** Longest time for one request with its SDK retries, milliseconds; default 5,000. A shorter `timeoutMs` of the limiter or lock manager comes first. */
  readonly timeoutMs?: number | undefined;
  /** How far two processes' clocks may be apart, once corrected by the service's, milliseconds; default 2,000. More is reported to `onClockSkew`. */
  readonly maxSkewMs?: number | undefined;
  /**
   * `service` (default): the process's clock, corrected by the `Date` header of each reply, which costs one small read before the first call.
   * `client`: the process's clock as it is, for machines that are kept in time otherwise and for tests that move it.
   */
  readonly clockSource?: 'service' | 'client' | undefined;
  /** Set to `dynalite` when that is what answers: no transactions, no PartiQL, no TTL. DynamoDB Local needs no such option. */
  readonly emulator?: DynamoEmulator | undefined;
  /** Keys whose last seen state is remembered, so that a write needs no read before it; default 20,000. */
  readonly maxCachedKeys?: number | undefined;
  /** Gets `onClockSkew`. */
  readonly hooks?: Hooks | undefined;
  /** For tests; default: the system's. */
  readonly clock?: Clock | undefined;
}

/** {@link DynamoStoreOptions} with every default in place. */
export interface ResolvedOptions {
  readonly client: DynamoClient;
  readonly table: string;
  readonly name: string;
  readonly timeoutMs: number;
  readonly maxSkewMs: number;
  readonly clockSource: 'service' | 'client';
  readonly emulator: DynamoEmulator | undefined;
  readonly maxCachedKeys: number;
  readonly hooks: Hooks | undefined;
  readonly clock: Clock;
  /** For the messages of errors. */
  readonly place: FailurePlace;
}

const tablePattern = /^(arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\d{12}:table\/)?[A-Za-z0-9_.-]{3,255}$/;

/** Returns `client` when it looks like the SDK's. */
export function checkClient(client: DynamoClient): DynamoClient {
  if (typeof client?.send !== 'function')
    throw invalid('client', 'a DynamoDBClient of @aws-sdk/client-dynamodb 3', client);
  return client;
}

/** Returns `table` when it can name a DynamoDB table (its ARN is fine too). */
export function checkTable(table: string): string {
  if (typeof table !== 'string' || !tablePattern.test(table))
    throw invalid(
      'table',
      "the name of a DynamoDB table (3 to 255 characters of A-Z a-z 0-9 '_' '.' '-') or its ARN",
      table,
    );
  return table;
}

const optionNames: OptionNames<DynamoStoreOptions> = {
  client: 0,
  table: 0,
  name: 0,
  timeoutMs: 0,
  maxSkewMs: 0,
  clockSource: 0,
  emulator: 0,
  maxCachedKeys: 0,
  hooks: 0,
  clock: 0,
};

/** Refuses what is no option of a store; those of `createTable` are among them, so that one object serves for all. */
export function checkOptions(options: Partial<DynamoStoreOptions>): void {
  optionsObject('options', options, optionNames);
}

/** Checks the options of a store before any request is made. */
export function resolveOptions(options: DynamoStoreOptions): ResolvedOptions {
  checkOptions(options);
  if (options.emulator !== undefined) oneOf('emulator', options.emulator, ['dynalite']);
  const table = checkTable(options.table);
  const name = options.name === undefined ? 'dynamodb' : checkName('name', options.name);
  return {
    client: checkClient(options.client),
    table,
    name,
    place: { store: name, table },
    timeoutMs: durationMs('timeoutMs', options.timeoutMs ?? 5_000),
    maxSkewMs: durationMs('maxSkewMs', options.maxSkewMs ?? 2_000, 0),
    clockSource: oneOf('clockSource', options.clockSource ?? 'service', ['service', 'client']),
    emulator: options.emulator,
    maxCachedKeys: integerIn('maxCachedKeys', options.maxCachedKeys ?? 20_000, 1, 10_000_000),
    hooks: options.hooks,
    clock: options.clock ?? systemClock,
  };
}
