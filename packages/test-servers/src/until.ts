import { setTimeout as sleep } from 'node:timers/promises';

/** How long and how often {@link until} asks. */
export interface UntilOptions {
  /** Gives up after this long. */
  readonly timeoutMs: number;
  /** Pause between two attempts; 20 ms by default. */
  readonly intervalMs?: number;
  /** What is waited for, for the message of the error. */
  readonly what: string;
}

/** Asks again and again until the answer is `true`; throws when the time is up, naming what was waited for. */
export async function until(condition: () => boolean | Promise<boolean>, options: UntilOptions): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  while (!(await condition())) {
    if (performance.now() >= deadline) throw new Error(`Waited ${options.timeoutMs} ms in vain for ${options.what}.`);
    await sleep(options.intervalMs ?? 20);
  }
}
