import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * What runs in a shell beside this process. It reads from a pipe that only this process can close, so it wakes when this
 * process ends, by whatever means, SIGKILL included. It then ends the servers that are still listed, with their
 * children, each by its own pid, and removes their folders. After a clean stop it finds nothing to do.
 */
const watchdogScript: string = /* sh */ `
cat > /dev/null
for file in "$1"/pids/*; do
  [ -e "$file" ] || continue
  pid="\${file##*/}"
  kill -STOP "$pid" 2> /dev/null || continue
  for child in $(ps -A -o pid=,ppid= | awk -v parent="$pid" '$2 == parent { print $1 }'); do kill -KILL "$child"; done
  kill -KILL "$pid"
done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`;

let current: string | undefined;

/**
 * The one temporary folder of this process. Everything the starters write is inside, so removing it removes all.
 * Made at the first call, together with the watchdog that cleans up after this process.
 */
export function runDirectory(): string {
  if (current !== undefined) return current;
  const directory = mkdtempSync(path.join(tmpdir(), 'headgate-test-'));
  chmodSync(directory, 0o711); // a server that runs as another user must be able to pass through
  mkdirSync(path.join(directory, 'pids'));

  const watchdog = spawn('/bin/sh', ['-c', watchdogScript, 'headgate-test-watchdog', directory], {
    cwd: '/',
    detached: true, // a Ctrl-C in the terminal must not reach it
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.unref();
  (watchdog.stdin as unknown as { unref(): void }).unref();

  current = directory;
  return directory;
}

/** A fresh folder below the run directory, owned by this user and readable by nobody else. */
export function makeServerDirectory(name: string): string {
  return mkdtempSync(path.join(runDirectory(), `${name}-`));
}

/** Removes a folder made by {@link makeServerDirectory}. */
export function removeServerDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** Puts a process in the watchdog's care. */
export function listPid(pid: number): void {
  writeFileSync(path.join(runDirectory(), 'pids', String(pid)), '');
}

/** Takes a process that has ended out of the watchdog's care, before its pid is given to somebody else. */
export function unlistPid(pid: number): void {
  rmSync(path.join(runDirectory(), 'pids', String(pid)), { force: true });
}
