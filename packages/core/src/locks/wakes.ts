import type { LockContext } from './context.js';

/** Wakes everybody who sleeps on the key, or of them only whoever waits for `leaseId`: those in its queues, and groups, which stand in none. */
export function wake({ queues, groups }: LockContext, key: string, leaseId?: string): void {
  for (const waiter of queues.contending(key)) {
    if (leaseId === undefined || waiter.leaseId === leaseId) waiter.wake();
  }
  // No group is granted a lock while it sleeps.
  if (leaseId === undefined) for (const group of groups) group.hear(key);
}
