import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { skipReason, until } from '@headgate/test-servers';
import { describe, expect, onTestFinished, test } from 'vitest';

const program = fileURLToPath(new URL('../dist/index.js', import.meta.url));
const count = 3;

/** The parent of a process, from Linux's /proc; `undefined` when the process is gone, or is only waiting to be reaped. */
async function parentOf(pid: number): Promise<number | undefined> {
  try {
    // The name in brackets may hold anything, brackets included.
    const [state, parent] = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
    return state === 'Z' ? undefined : Number(parent);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Every process below `pid`. */
async function descendantsOf(pid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((each) => each > 0);
  const parents = new Map(await Promise.all(pids.map(async (each) => [each, await parentOf(each)] as const)));
  const below = (parent: number): number[] =>
    pids.filter((each) => parents.get(each) === parent).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

/** Node, its instances and Redis on Linux; elsewhere there is no /proc to count them by. */
const elsewhere = process.platform === 'linux' ? undefined : 'counts processes in /proc';

describe.each(['redis', 'postgres', 'dynamodb'] as const)('npm start -- --store %s --instances 3', (store) => {
  test.skipIf(skipReason(store) ?? elsewhere)(
    'serves from three instances on one server, and Ctrl-C leaves no process and no folder',
    { timeout: 90_000 },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'orchestrator-launch-'));
      // PostgreSQL refuses to run as root, and then runs as somebody else.
      await chmod(folder, 0o755);
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const { HEADGATE_REDIS_URL: _, ...env } = process.env;
      const child = spawn(process.execPath, [program, '--store', store, '--instances', String(count)], {
        env: { ...env, PORT: '0', STORE_TIMEOUT_MS: '10000', TMPDIR: folder, WORK_FOLDER: join(folder, 'work') },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      onTestFinished(async () => {
        child.kill('SIGTERM');
        await exited;
      });
      const urls: string[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (/^http:\S+$/.test(line)) urls.push(line);
      });
      const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
      await until(() => urls.length === count || ended(), { timeoutMs: 60_000, what: 'every instance to listen' });
      expect(new Set(urls).size).toBe(count);
      const sources = await Promise.all(
        urls.map(async (url) => {
          const response = await fetch(`${url}/tasks`, { method: 'POST', headers: { 'x-tenant': 'launched' } });
          return { status: response.status, ...((await response.json()) as { source: string }) };
        }),
      );
      for (const answer of sources) expect(answer).toMatchObject({ status: 202, source: 'store' });
      const processes = await descendantsOf(child.pid as number);
      // The instances and the server, whatever else the server is made of.
      expect(processes.length).toBeGreaterThan(count);

      child.kill('SIGINT');
      expect(await exited).toEqual([0, null]);
      // The watchdog of the servers ends last, once it sees that we are gone.
      const gone = async (): Promise<boolean> =>
        (await Promise.all(processes.map(parentOf))).every((p) => p === undefined);
      await until(gone, { timeoutMs: 15_000, what: 'every process to be gone' });
      expect(await readdir(folder)).toEqual(['work']);
    },
  );
});
