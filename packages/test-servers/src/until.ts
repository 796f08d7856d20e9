import { setTimeout as sleep } from 'node:timers/promises';

/** How long and how often {@link until} asks. */
export interface UntilOptions {
  /** Gives up after this long; time in which the machine kept this process from running hardly counts. */
  readonly timeoutMs: number;
  /** Pause between two attempts; 20 ms by default. */
  readonly intervalMs?: number;
  /** What is waited for, for the message of the error. */
  readonly what: string;
}

/** The longest that one round of asking counts for, milliseconds, beside its pause. */
const longestRoundMs = 250;

/** Asks again and again until the answer is `true`; throws when the time is up, naming what was waited for. */
export async function until(condition: () => boolean | Promise<boolean>, options: UntilOptions): Promise<void> {
  const { timeoutMs, intervalMs = 20, what } = options;
  let leftMs = timeoutMs;
  let lookedMs = performance.now();
  while (!(await condition())) {
    if (leftMs <= 0) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.`);
    await sleep(intervalMs);
    leftMs -= Math.min(performance.now() - lookedMs, intervalMs + longestRoundMs);
    lookedMs = performance.now();
  }
}
