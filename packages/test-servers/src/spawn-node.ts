import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { listPid, unlistPid } from './run-directory.js';

/** How to run a Node.js program beside the test. */
export interface SpawnNodeOptions {
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments for node itself, such as `['--expose-gc']`. */
  readonly execArgv?: readonly string[];
}

/** How long {@link NodeChild.next} waits. */
export interface NextOptions {
  /** 10 s by default. */
  readonly timeoutMs?: number;
}

/** A Node.js process that speaks JSON lines: what it is sent arrives on its stdin, what it prints is what it says. */
export interface NodeChild {
  readonly pid: number;
  /** Resolves when the process has ended, however that came. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** What it wrote to stderr so far. */
  readonly stderr: string;
  /** Writes one JSON line to it. */
  send(message: unknown): void;
  /** Its next message, in order; rejects when the process has ended without one, or when the time is up. */
  next<T = unknown>(options?: NextOptions): Promise<T>;
  /** Freezes it (SIGSTOP). */
  pause(): void;
  /** Lets it go on (SIGCONT). */
  resume(): void;
  /** Ends it, by SIGKILL unless said otherwise, and resolves when it is gone. Harmless when it has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const defaultNextTimeoutMs = 10_000;

/** Runs a JavaScript file in a process of its own, for holders that are to be frozen or killed. Ends with this process. */
export async function spawnNode(
  file: string,
  args: readonly string[] = [],
  options: SpawnNodeOptions = {},
): Promise<NodeChild> {
  const child = spawn(process.execPath, [...(options.execArgv ?? []), file, ...args], {
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  await Promise.race([once(child, 'spawn'), once(child, 'error').then(([error]) => Promise.reject(error as Error))]);
  const pid = child.pid as number;
  listPid(pid);

  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {}); // a message to a process that has just ended; `next` and `exited` tell

  const messages: unknown[] = [];
  const waiting: (() => void)[] = [];
  const wake = (): void => waiting.splice(0).forEach((resolve) => resolve());
  let ended = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    messages.push(JSON.parse(line));
    wake();
  });
  const exited: NodeChild['exited'] = once(child, 'close').then(([code, signal]) => {
    ended = true;
    unlistPid(pid);
    wake();
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    if (!ended) child.kill(signal);
    await exited;
  };

  return {
    pid,
    exited,
    get stderr() {
      return stderr;
    },
    send: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    next: async <T>({ timeoutMs = defaultNextTimeoutMs }: NextOptions = {}) => {
      const deadline = performance.now() + timeoutMs;
      while (messages.length === 0) {
        if (ended) throw new Error(`${file} ended without a further message.\n${stderr.slice(-2_000)}`);
        const left = deadline - performance.now();
        if (left <= 0) throw new Error(`${file} said nothing within ${timeoutMs} ms.\n${stderr.slice(-2_000)}`);
        await wokenWithin(left, waiting);
      }
      return messages.shift() as T;
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill,
    [Symbol.asyncDispose]: () => kill(),
  };
}

function wokenWithin(ms: number, waiting: (() => void)[]): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    waiting.push(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
