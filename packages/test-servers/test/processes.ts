import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { runDirectory } from '../src/run-directory.js';

/** Those of the processes that still run; what has ended and only waits to be collected does not count. */
export function running(pids: readonly number[]): readonly number[] {
  const { stdout } = spawnSync('ps', ['-p', pids.join(','), '-o', 'pid=,stat='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([pid, state]) => pid !== '' && state?.startsWith('Z') === false)
    .map(([pid]) => Number(pid));
}

/** The folders that servers of this process have now; copied programs belong to the process and go with it. */
export function serverFolders(): readonly string[] {
  if (!existsSync(runDirectory())) return [];
  return readdirSync(runDirectory()).filter((entry) => entry !== 'pids' && !entry.startsWith('programs-'));
}

/** The pids that the watchdog would end now. */
export function listedPids(): readonly number[] {
  return readdirSync(`${runDirectory()}/pids`).map(Number);
}
