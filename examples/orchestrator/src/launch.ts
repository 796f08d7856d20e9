import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startServer } from './throwaway-server.js';
import { startWorkers } from './workers.js';

const instanceProgram = fileURLToPath(new URL('./instance.js', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
}

/** Starts a throw-away server of `store`, `count` instances on it, and the workers; all of it ends on SIGINT or SIGTERM. */
export async function launch(store: string, count: number): Promise<void> {
  if (!Number.isInteger(count) || count < 1 || count > 16)
    throw new Error(`Expected --instances to be an integer from 1 to 16, got '${count}'`);
  // From the beginning: by default a signal would end this process alone, and leave the rest to a watchdog.
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  const server = await startServer(store);
  const firstPort = Number(process.env['PORT'] ?? 3000);
  const instances: Running[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const port = firstPort === 0 ? 0 : firstPort + i;
      instances.push(
        await startInstance({
          ...server.env,
          STORE: store,
          INSTANCES: String(count),
          INSTANCE: `instance-${i + 1}`,
          PORT: String(port),
        }),
      );
    }
  } catch (error) {
    await stopInstances(instances);
    await server.stop();
    throw error;
  }
  for (const { url } of instances) console.log(url);
  const stopWorkers = process.env['DEMO'] === '0' ? undefined : startWorkers({ urls: instances.map(({ url }) => url) });
  await interrupted;
  await stopWorkers?.();
  await stopInstances(instances);
  await server.stop();
}

/** One instance in a process of its own; resolves once it listens. The workers are this process's business. */
function startInstance(env: Record<string, string>): Promise<Running> {
  // Detached from the terminal's process group, so that Ctrl-C reaches it through us, after the workers.
  const child = fork(instanceProgram, [], {
    env: { ...process.env, ...env, DEMO: '0' },
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve({ child, url: (message as { url: string }).url }));
    child.once('exit', (code) => reject(new Error(`${env['INSTANCE']} ended with code ${code} before it listened`)));
  });
}

async function stopInstances(instances: readonly Running[]): Promise<void> {
  await Promise.all(
    instances.map(async ({ child }) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }),
  );
}
