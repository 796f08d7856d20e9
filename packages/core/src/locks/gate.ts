import type { KeyQueue } from './queue.js';
import type { Settings } from './settings.js';
import type { Tenure } from './tenure.js';
import type { Waiter } from './waiter.js';

/** How many tokens to ask for: one, and one for each caller next in line whom the lock can be passed on to. */
export function blockSize(settings: Settings, queue: KeyQueue, waiter: Waiter): number {
  const { maxLeases } = settings.passOn;
  let size = 1;
  if (queue.mode !== 'exclusive' || maxLeases === 1) return size;
  for (const next of queue.queued) {
    // Releasing a session must take the leases of that session and no others, so a lock stays within one.
    if (size === maxLeases || next.want.sessionId !== waiter.want.sessionId) break;
    size += 1;
  }
  return size;
}

/** The lock was granted: it may be passed on to those in line now, for a limited time. Whoever comes later waits for its turn among all processes. */
export function openGate(settings: Settings, queue: KeyQueue, tenure: Tenure): void {
  tenure.passOnUpTo = queue.arrivals;
  tenure.passOnUntilMs = settings.clock.monotonicMs() + settings.passOn.maxMs;
}

/** Whom the lock is to be passed on to, if anybody. */
export function heirOf(settings: Settings, queue: KeyQueue, tenure: Tenure): Waiter | undefined {
  if (tenure.nextToken > tenure.lastToken) return undefined;
  const { head } = queue;
  if (!head || head.order > tenure.passOnUpTo || head.want.sessionId !== tenure.sessionId) return undefined;
  return settings.clock.monotonicMs() < tenure.passOnUntilMs ? head : undefined;
}
