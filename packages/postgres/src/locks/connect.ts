import { StoreError } from '@headgate/core';
import pg from 'pg';
import { isServerError, storeName, toStoreError } from '../errors.js';
import type { Names } from '../names.js';

/** How to reach the server, as `pg` takes it. */
export type ConnectionOptions = string | pg.ClientConfig;

function configOf(options: ConnectionOptions): pg.ClientConfig {
  return typeof options === 'string' ? { connectionString: options } : options;
}

/** Opens a client of our own. Its `error` events must be listened to by whoever takes it. */
export async function connect(options: ConnectionOptions, label: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    application_name: label,
    ...configOf(options),
  });
  // An unheard 'error' would end the process; whoever takes the client listens for its end.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    void client.end().catch(() => {});
    throw toStoreError(error);
  }
}

/** Whether an open connection alone keeps the process alive; the types of `pg` leave `ref` and `unref` out. */
export function keepsAlive(client: pg.Client, keeps: boolean): void {
  const socket = client as unknown as { ref(): void; unref(): void };
  if (keeps) socket.ref();
  else socket.unref();
}

/** Opens a client that can hold locks: its backend is claimed, and ends by itself after `idleMs` without a statement. */
export async function connectHolding(
  options: ConnectionOptions,
  names: Names,
  connectionId: string,
  idleMs: number,
): Promise<{ readonly client: pg.Client; readonly pid: number }> {
  // Releases of `pg` that cannot send a statement before the last was answered ignore it.
  const client = await connect({ ...configOf(options), pipeline: true }, 'headgate locks');
  try {
    const { rows: versions } = await client.query<{ v: string }>("SELECT current_setting('server_version_num') AS v");
    checkServerVersion(Number(versions[0]?.v));
    const open = async (expected: number | null): Promise<number> => {
      const text = `SELECT ${names.of('lock_open_v1')}($1, $2, $3) AS pid`;
      const { rows } = await client.query<{ pid: number }>(text, [connectionId, expected, idleMs]);
      return (rows[0] as { pid: number }).pid;
    };
    let pid = await open((client as unknown as { readonly processID: number }).processID);
    if (pid < 0) {
      // The login named another backend than the one that answers: a proxy. It may do if it gives us a backend of our own.
      await refuseSharedBackends(options, client);
      pid = await open(null);
    }
    return { client, pid };
  } catch (error) {
    void client.end().catch(() => {});
    throw isServerError(error) && error.code === 'HG001' ? pooledError(error) : toStoreError(error);
  }
}

/** `idle_session_timeout` came with PostgreSQL 14, and a lock without it would have no ttl. */
export function checkServerVersion(versionNumber: number): void {
  if (versionNumber >= 140_000) return;
  const version = Math.floor(versionNumber / 10_000);
  throw new StoreError(`PostgreSQL 14 or newer is needed, this is ${version}: upgrade the server`, {
    store: storeName,
    kind: 'other',
  });
}

/** A pooler between us and the server gives our statements to whichever backend is free. */
export function pooledError(cause?: unknown): StoreError {
  return new StoreError(
    'The lock connection goes through a pooler in transaction mode (PgBouncer `pool_mode = transaction` or the like), where a session-level advisory ' +
      'lock stays behind on a backend that others use. Give `connection` the address of the server itself, or of a pool in session mode.',
    { store: storeName, kind: 'other', ...(cause === undefined ? {} : { cause }) },
  );
}

/** Rejects when a second client can get the backend that answers the first one. */
async function refuseSharedBackends(options: ConnectionOptions, first: pg.Client): Promise<void> {
  const pidOf = async (client: pg.Client): Promise<number> =>
    ((await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0] as { pid: number }).pid;
  for (let round = 0; round < 3; round++) {
    const before = await pidOf(first);
    const second = await connect(options, 'headgate pooler probe');
    try {
      await second.query('BEGIN');
      if ((await pidOf(second)) === before) throw pooledError();
      // If the pool has a single backend, it is taken now, and the first client waits for it.
      const after = await Promise.race([
        pidOf(first),
        new Promise<'stuck'>((done) => setTimeout(done, 1_000, 'stuck').unref()),
      ]);
      if (after !== before) throw pooledError();
    } finally {
      await second.end().catch(() => {});
    }
  }
}
