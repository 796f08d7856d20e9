import { execFileSync } from 'node:child_process';
import { ServerUnavailableError } from './errors.js';

/** An account by its numbers. */
export interface UnprivilegedUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account for servers that refuse to run as root: `postgres`, or else `nobody`. `undefined` when this process is not
 * root and runs them as itself.
 */
export function unprivilegedUser(): UnprivilegedUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    try {
      return { uid: id('-u'), gid: id('-g') };
    } catch (error) {
      if ((error as { status?: number }).status !== 1) throw error; // 1: no such account
    }
  }
  throw new ServerUnavailableError(
    'PostgreSQL refuses to run as root, and there is neither an account `postgres` nor `nobody`.',
  );
}
