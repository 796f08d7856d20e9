import { integerIn, invalid, optionsObject } from '@headgate/core';
import { resolveNames } from '../names.js';
import { defaultHashLock } from './key-id.js';
import { defaultTtlClassesMs, TtlClasses } from './ttl-classes.js';
import type { Names, SchemaOptions } from '../names.js';
import type { ConnectionOptions } from './connect.js';
import type { HashLock } from './key-id.js';

/** Options of `postgresLockStore`. */
export interface PostgresLockStoreOptions extends SchemaOptions {
  /**
   * Where the server is: a connection string or a `ClientConfig` of `pg`. The store opens connections of its own, at most 3 that hold locks and 1 that waits,
   * because a lock lasts as long as its connection. It must reach the server itself, or a pooler in session mode.
   */
  readonly connection: ConnectionOptions;
  /**
   * Up to three durations, milliseconds; default `[10_000, 60_000, 600_000]`. The server enforces a lease's ttl rounded up to one of them, each on a
   * connection of its own (`idle_session_timeout`). A live process ends its leases on time by itself. A longer ttl is refused.
   */
  readonly ttlClassesMs?: readonly number[] | undefined;
  /** A lock connection that does not answer a statement for this long is given up, with every lease on it, milliseconds; default 5,000. */
  readonly answerTimeoutMs?: number | undefined;
  /** Maps a key to the 64-bit integer of its advisory lock; default: from SHA-256. For tests of what happens when two keys collide. */
  readonly hashLock?: HashLock | undefined;
}

/** Options of a lock store, checked and with every default filled in. */
export interface LockSettings {
  readonly connection: ConnectionOptions;
  readonly names: Names;
  readonly classes: TtlClasses;
  readonly answerTimeoutMs: number;
  readonly hashLock: HashLock;
}

/** Checks the options and opens nothing. */
export function resolveLockSettings(options: PostgresLockStoreOptions): LockSettings {
  optionsObject('options', options, {
    connection: 0,
    schema: 0,
    prefix: 0,
    ttlClassesMs: 0,
    answerTimeoutMs: 0,
    hashLock: 0,
  });
  const names = resolveNames(options);
  const { hashLock } = options;
  if (hashLock !== undefined && typeof hashLock !== 'function') throw invalid('hashLock', 'a function', hashLock);
  return {
    connection: checkConnection(options.connection),
    names,
    classes: new TtlClasses(options.ttlClassesMs ?? defaultTtlClassesMs),
    answerTimeoutMs: integerIn('answerTimeoutMs', options.answerTimeoutMs ?? 5_000, 50, 600_000),
    hashLock: hashLock ?? defaultHashLock(names),
  };
}

function checkConnection(value: unknown): ConnectionOptions {
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'object' && value !== null && typeof (value as { query?: unknown }).query !== 'function')
    return value;
  throw invalid(
    'connection',
    'a connection string or a ClientConfig of `pg`, not a Pool or a Client: a lock lasts as long as its connection, which must not be lent to others',
    value,
  );
}
