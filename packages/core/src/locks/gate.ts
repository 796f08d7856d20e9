import type { KeyQueue } from './queue.js';
import type { Settings } from './settings.js';
import type { Tenure } from './tenure.js';
import type { Waiter } from './waiter.js';

/**
 * Turns that one grant serves when so many callers of the process want the lock: one each, and half as many again for those who come back meanwhile,
 * which spares a third of the hand-overs between processes. A caller that is alone gets one. Jain's index of the shares stays above 0.95 however callers are split
 * over processes: at worst some get 1.5 turns and others 1 for each round.
 */
function turnsFor(callers: number): number {
  return Math.floor(callers * 1.5);
}

/** How many tokens to ask for: one for each turn that the grant is to serve. */
export function blockSize(settings: Settings, queue: KeyQueue, waiter: Waiter): number {
  const { maxLeases } = settings.passOn;
  let callers = 1;
  if (queue.mode !== 'exclusive') return callers;
  for (const next of queue.queued) {
    // Releasing a session must take the leases of that session and no others, so a lock stays within one.
    if (callers === maxLeases || next.want.sessionId !== waiter.want.sessionId) break;
    callers += 1;
  }
  return Math.min(turnsFor(callers), maxLeases);
}

/** The lock was granted: it may be passed on, for a limited time, as often as there are turns for those in line now. After that the process waits for its turn among all. */
export function openGate(settings: Settings, queue: KeyQueue, tenure: Tenure): void {
  if (tenure.lastToken === tenure.fencingToken) return;
  tenure.passOnLeft = turnsFor(1 + queue.queued.size) - 1;
  tenure.passOnUntilMs = settings.clock.monotonicMs() + settings.passOn.maxMs;
}

/** Whom the lock is to be passed on to, if anybody. */
export function heirOf(settings: Settings, queue: KeyQueue, tenure: Tenure): Waiter | undefined {
  if (tenure.nextToken > tenure.lastToken || tenure.passOnLeft <= 0) return undefined;
  const { head } = queue;
  if (!head || head.want.sessionId !== tenure.sessionId) return undefined;
  return settings.clock.monotonicMs() < tenure.passOnUntilMs ? head : undefined;
}
