import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FallbackEvent } from '@headgate/core';

// The built program, also when this file is run as TypeScript by a test.
const program = fileURLToPath(new URL('../dist/demo-outage-instance.js', import.meta.url));

/** A limiter of one instance left its store, or came back to it. */
export interface Transition {
  /** Index of the instance. */
  readonly instance: number;
  readonly direction: 'activate' | 'recover';
  /** When this process heard of it, on its monotonic clock. */
  readonly atMs: number;
  /** Units that the instance charged to the store on its return. */
  readonly reconciledUnits: number;
}

/** Instances of the service, one process each. */
export interface InstanceProcesses {
  readonly urls: readonly string[];
  /** What their limiters have said so far, in order of arrival. */
  readonly transitions: readonly Transition[];
  stop(): Promise<void>;
}

/** Starts `count` instances with the environment `env`; resolves once all listen. They end with this process, at the latest. */
export async function startInstances(count: number, env: Readonly<Record<string, string>>): Promise<InstanceProcesses> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-outage-'));
  const transitions: Transition[] = [];
  const children = Array.from({ length: count }, (_, i) =>
    fork(program, [], {
      env: { ...process.env, PORT: '0', DEMO: '0', WORK_FOLDER: folder, INSTANCE: `instance-${i + 1}`, ...env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
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
    await rm(folder, { recursive: true, force: true });
  };
  const listening = children.map(
    (child, instance) =>
      new Promise<string>((resolve, reject) => {
        child.on('message', (message: { readonly url?: string; readonly fallback?: FallbackEvent }) => {
          if (message.url !== undefined) resolve(message.url);
          if (message.fallback === undefined) return;
          const { direction, reconciledUnits = 0 } = message.fallback;
          transitions.push({ instance, direction, atMs: performance.now(), reconciledUnits });
        });
        child.once('exit', (code) => reject(new Error(`Instance ${instance + 1} ended with code ${code}`)));
      }),
  );
  try {
    return { urls: await Promise.all(listening), transitions, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
