import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../orchestrator/dist/instance.js', import.meta.url));

/** Orchestrators, one process each. */
export interface Instances {
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

/** Starts orchestrators with these environments, each with simulated workers of its own; resolves once all listen. They end with this process, at the latest. */
export async function startInstances(environments: readonly Readonly<Record<string, string>>[]): Promise<Instances> {
  const children = environments.map((env) =>
    fork(program, [], { env: { ...process.env, DEMO: '1', ...env }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }),
    );
  };
  const listening = children.map(async (child, i) => {
    const died = once(child, 'exit').then(([code]) => {
      throw new Error(`Instance ${i + 1} ended with code ${code} before it listened`);
    });
    const [{ url }] = (await Promise.race([once(child, 'message'), died])) as [{ url: string }];
    return url;
  });
  try {
    return { urls: await Promise.all(listening), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
