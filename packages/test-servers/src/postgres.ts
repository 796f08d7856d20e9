import { execFile } from 'node:child_process';
import { chown, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { startOwnedServer } from './owned-server.js';
import { findPostgres, type PostgresVersion } from './postgres-programs.js';
import type { TestServer } from './server.js';
import { unprivilegedUser, type UnprivilegedUser } from './unprivileged-user.js';

/** How to start a PostgreSQL. */
export interface PostgresOptions {
  /** By default the machine's own, or else the npm package's. */
  readonly version?: PostgresVersion;
  /** Whether commits reach the disk; `true` by default. Only speed suites should turn it off. */
  readonly fsync?: boolean;
  /** 100 by default. */
  readonly maxConnections?: number;
  /** Further settings, such as `{ idle_session_timeout: '500ms' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts a PostgreSQL of its own. `url` is `postgres://postgres@127.0.0.1:<port>/postgres`, a superuser without password.
 * When this process is root, the server runs as `postgres` or `nobody`. Its data outlive `kill` and `restart`.
 */
export function startPostgres(options: PostgresOptions = {}): Promise<TestServer> {
  const user = unprivilegedUser();
  const programs = findPostgres(options.version, user);
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: options.fsync === false ? 'off' : 'on',
    max_connections: String(options.maxConnections ?? 100),
    ...options.settings,
  };
  return startOwnedServer({
    name: 'postgres',
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    prepare: (directory) => makeCluster(programs.initdb, directory, user),
    process: (directory, port) => ({
      command: programs.postgres,
      args: [
        ...['-D', dataFolder(directory), '-p', String(port)],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      ...(user === undefined ? {} : { user }),
      ready: (pid) => saysReady(directory, pid),
      stopSignal: 'SIGQUIT', // immediate shutdown: it does not wait for clients, and the data are thrown away
    }),
  });
}

async function makeCluster(initdb: string, directory: string, user: UnprivilegedUser | undefined): Promise<void> {
  const data = dataFolder(directory);
  await mkdir(data, { mode: 0o700 });
  if (user !== undefined) {
    await chown(directory, user.uid, user.gid);
    await chown(data, user.uid, user.gid);
  }
  const args = ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '--no-locale', '--encoding=UTF8'];
  await promisify(execFile)(initdb, args, { cwd: directory, ...user });
}

/** The server writes `ready` into the eighth line of its pid file, beside its pid in the first. */
async function saysReady(directory: string, pid: number): Promise<boolean> {
  const text = await readFile(path.join(dataFolder(directory), 'postmaster.pid'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    },
  );
  const lines = text.split('\n');
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

function dataFolder(directory: string): string {
  return path.join(directory, 'data');
}
