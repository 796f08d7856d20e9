import { chown, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { requireBinary } from './binaries.js';
import { startOwnedServer } from './owned-server.js';
import { firstReply } from './probes.js';
import type { TestServer } from './server.js';
import { unprivilegedUser } from './unprivileged-user.js';

/** How to start a PgBouncer. */
export interface PgBouncerOptions {
  /** The server behind it, such as {@link startPostgres} gives. */
  readonly postgres: { readonly host: string; readonly port: number };
  readonly poolMode: 'session' | 'transaction' | 'statement';
  /** Server connections; 20 by default. */
  readonly poolSize?: number;
  /** Further lines of the `[pgbouncer]` section. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts a PgBouncer in front of a PostgreSQL; every database of it is reachable under its own name, as user `postgres`. */
export function startPgBouncer(options: PgBouncerOptions): Promise<TestServer> {
  const command = requireBinary('pgbouncer');
  const user = unprivilegedUser(); // it refuses root as well
  return startOwnedServer({
    name: 'pgbouncer',
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    prepare: async (directory, port) => {
      await writeFile(path.join(directory, 'users.txt'), '"postgres" ""\n');
      await writeFile(path.join(directory, 'pgbouncer.ini'), configuration(directory, port, options));
      if (user !== undefined) await chown(directory, user.uid, user.gid);
    },
    process: (directory, port) => ({
      command,
      args: [path.join(directory, 'pgbouncer.ini')],
      ...(user === undefined ? {} : { user }),
      ready: async () => (await firstReply(port, sslRequest)) !== undefined,
      stopSignal: 'SIGTERM', // immediate
    }),
  });
}

/** A PostgreSQL client's question whether TLS is spoken; the answer is one letter. */
const sslRequest: string = '\0\0\0\x08\x04\xd2\x16/';

function configuration(
  directory: string,
  port: number,
  { postgres, poolMode, poolSize = 20, settings }: PgBouncerOptions,
): string {
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: path.join(directory, 'users.txt'),
    admin_users: 'postgres',
    pool_mode: poolMode,
    default_pool_size: String(poolSize),
    ...settings,
  };
  return [
    '[databases]',
    `* = host=${postgres.host} port=${postgres.port} user=postgres`,
    '[pgbouncer]',
    ...Object.entries(lines).map(([name, value]) => `${name} = ${value}`),
    '',
  ].join('\n');
}
