import { sleep } from '../suite/deadline.js';

/** The longest that one round of asking counts for, milliseconds. */
const longestRoundMs = 100;

/**
 * Resolves when `condition` holds, asking every 10 ms; rejects, naming `what`, after `timeoutMs` (default 2,000). Time in which the machine
 * kept this process from running hardly counts: what is waited for stood still as well.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = 2_000, what }: { readonly timeoutMs?: number; readonly what: string },
): Promise<void> {
  let leftMs = timeoutMs;
  let lookedMs = performance.now();
  while (!(await condition())) {
    if (leftMs < 0) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(10);
    leftMs -= Math.min(performance.now() - lookedMs, longestRoundMs);
    lookedMs = performance.now();
  }
}
