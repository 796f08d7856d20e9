import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServerStartError } from './errors.js';
import { listPid, unlistPid } from './run-directory.js';
import { until } from './until.js';

/** How to run one server program. */
export interface ServerProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Working folder; the log is written beside the data, as `<name>.log`. */
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The account to run as, when it is not this process's own. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Says whether the server answers; asked every 20 ms after the start. */
  readonly ready: (pid: number) => Promise<boolean>;
  readonly readyTimeoutMs?: number;
  /** What asks it to end; SIGTERM by default. */
  readonly stopSignal?: NodeJS.Signals;
}

const defaultReadyTimeoutMs = 30_000;
const stopTimeoutMs = 5_000;

/** One server program that can be started, frozen, crashed and started again; the processes it forks go with it. */
export class ServerProcess {
  readonly #options: ServerProcessOptions;
  #child: ChildProcess | undefined;
  #paused = false;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
  }

  /** The main process and its children, as of now. */
  get pids(): readonly number[] {
    const pid = this.#child?.pid;
    return pid === undefined ? [] : [pid, ...childrenOf(pid)];
  }

  /** What the server wrote, from its first start on. */
  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** Starts the program and resolves when it is ready; rejects with the end of its log when it ends before that. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`${this.#options.name} runs already.`);
    const { name, command, args, directory, env, user, ready, readyTimeoutMs = defaultReadyTimeoutMs } = this.#options;
    const log = openSync(this.#logFile, 'a');
    const child = spawn(command, args, {
      cwd: directory,
      detached: true, // a Ctrl-C in the terminal ends the tests first, and they end their servers
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      ...user,
    });
    closeSync(log);
    child.unref();
    await Promise.race([once(child, 'spawn'), once(child, 'error').then(([error]) => Promise.reject(error as Error))]);
    const pid = child.pid as number;
    listPid(pid);
    this.#child = child;
    child.once('exit', () => {
      unlistPid(pid);
      if (this.#child === child) this.#child = undefined;
    });

    const deadline = performance.now() + readyTimeoutMs;
    while (!(await ready(pid))) {
      if (this.#child !== child)
        throw new ServerStartError(`${name} ended while it was starting:\n${this.log.slice(-2_000)}`);
      if (performance.now() > deadline) {
        await this.kill();
        throw new ServerStartError(`${name} did not answer within ${readyTimeoutMs} ms:\n${this.log.slice(-2_000)}`);
      }
      await sleep(20);
    }
  }

  /** SIGSTOP to the main process, so that it forks no more, then to its children. */
  async pause(): Promise<void> {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#options.name} does not run.`);
    signal(pid, 'SIGSTOP');
    for (const child of childrenOf(pid)) signal(child, 'SIGSTOP');
    this.#paused = true;
  }

  async resume(): Promise<void> {
    for (const pid of this.pids) signal(pid, 'SIGCONT');
    this.#paused = false;
  }

  /** SIGKILL to all; resolves when they are gone. Harmless when nothing runs. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    signal(child.pid, 'SIGSTOP'); // no new children while the others are being ended
    const children = childrenOf(child.pid);
    for (const pid of children) signal(pid, 'SIGKILL');
    await this.#end(child, 'SIGKILL');
    await allGone(children);
  }

  /** Asks it to end, and kills it when it does not. Harmless when nothing runs. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    if (this.#paused) return this.kill();
    const children = childrenOf(child.pid);
    const inTime = await Promise.race([
      this.#end(child, this.#options.stopSignal ?? 'SIGTERM').then(() => true),
      sleep(stopTimeoutMs, false, { ref: false }),
    ]);
    if (!inTime) return this.kill();
    await allGone(children);
  }

  async #end(child: ChildProcess, how: NodeJS.Signals): Promise<void> {
    child.ref(); // or this process could end while it waits
    const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    signal(child.pid as number, how);
    await exited;
    this.#paused = false;
  }

  get #logFile(): string {
    return path.join(this.#options.directory, `${this.#options.name}.log`);
  }
}

/** Living processes with this parent. */
function childrenOf(parent: number): readonly number[] {
  return processes(['-A']).flatMap(({ pid, ppid }) => (ppid === parent ? [pid] : []));
}

/** What `ps` knows of the processes it is asked for, without those that have ended and only wait to be collected. */
function processes(which: readonly string[]): readonly { readonly pid: number; readonly ppid: number }[] {
  const { stdout } = spawnSync('ps', [...which, '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([pid, , state]) => pid !== '' && state?.startsWith('Z') === false)
    .map(([pid, ppid]) => ({ pid: Number(pid), ppid: Number(ppid) }));
}

/** Sends a signal; one that comes too late is no error. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function allGone(pids: readonly number[]): Promise<void> {
  if (pids.length === 0) return;
  await until(() => processes(['-p', pids.join(',')]).length === 0, {
    timeoutMs: stopTimeoutMs,
    what: `the end of the processes ${pids.join(', ')}`,
  });
}
