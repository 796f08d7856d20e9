import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from '../suite/deadline.js';
import type { ChildProcess } from 'node:child_process';
import type { HolderReply, HolderRequest } from './serve.js';

/** A small program of the author's that opens a store and serves it to the suite from a process of its own. */
export interface HolderProgram {
  /** A JavaScript file. */
  readonly file: string | URL;
  /** Its arguments: an address, a prefix. */
  readonly args?: readonly string[];
}

/** A running {@link HolderProgram}. */
export interface Holder {
  readonly pid: number;
  /** Calls a method the program serves; rejects with an error of the same name, message and `code`. */
  call(method: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Freezes the process (SIGSTOP), so that it notices nothing until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the process at once (SIGKILL) and resolves when it is gone. Safe to call twice. */
  kill(): Promise<void>;
}

const startTimeoutMs = 15_000;

/** Starts a program and resolves when it serves; it ends with `kill`, or when this process ends. */
export async function startHolder({ file, args = [] }: HolderProgram): Promise<Holder> {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  const child = fork(path, [...args], { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      for (const { reject } of waiting.values()) reject(new Error(`${path} ended (${signal ?? code})`));
      waiting.clear();
      resolve();
    });
  });
  let nextId = 1;
  const ready = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    void exited.then(() => reject(new Error(`${path} ended before it served anything`)));
    child.on('message', (reply: HolderReply) => {
      if (reply.id === 0) resolve();
      const caller = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (reply.error) caller?.reject(Object.assign(new Error(reply.error.message), reply.error));
      else caller?.resolve(reply.value);
    });
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  };
  try {
    await within(startTimeoutMs, `${path} did not serve within 15 s`, ready);
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    pid: child.pid as number,
    call: (method, ...callArgs) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        send(child, { id, method, args: callArgs }, reject);
      }),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill,
  };
}

function send(child: ChildProcess, request: HolderRequest, onError: (error: Error) => void): void {
  child.send(request, (error) => {
    if (error) onError(error);
  });
}
