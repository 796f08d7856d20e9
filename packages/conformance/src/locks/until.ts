import { sleep } from '../suite/deadline.js';

/** Resolves when `condition` holds, asking every 10 ms; rejects, naming `what`, after `timeoutMs` (default 2,000). */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = 2_000, what }: { readonly timeoutMs?: number; readonly what: string },
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(10);
  }
}
