import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/instance.js', import.meta.url));

/** An instance of the service in a process of its own. */
export interface Instance {
  readonly url: string;
  readonly pid: number;
  /** Ends it at once, as a crash would. */
  kill(): Promise<number | null>;
  /** Asks it to end; resolves to its exit code once it has, `null` when a signal ended it. */
  stop(): Promise<number | null>;
}

/** Starts the built service; resolves once it listens. */
export async function startInstance(env: NodeJS.ProcessEnv): Promise<Instance> {
  const child = fork(program, [], { env: { ...process.env, PORT: '0', DEMO: '0', ...env } });
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`the instance ended with code ${code} before it listened`)),
    ),
  ])) as [{ url: string }];
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit');
    child.kill(signal);
    const [code] = await exited;
    return code as number | null;
  };
  return { url: message.url, pid: child.pid as number, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

/** Sends a JSON request over a real socket. */
export async function request(
  instance: Instance,
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
): Promise<{ readonly status: number; readonly body: any }> {
  const response = await fetch(instance.url + path, {
    method,
    headers: { ...(options.body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}
