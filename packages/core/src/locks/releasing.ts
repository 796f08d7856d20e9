import type { ReleaseEvent } from '../hooks/events.js';
import type { LockContext } from './context.js';
import type { ReleaseReply } from './contract.js';
import { heirOf } from './gate.js';
import { giveBack } from './giving-back.js';
import type { Lease } from './lease.js';
import { passOn } from './pass-on.js';

/** What a release tells its caller. */
export interface Released {
  readonly released: boolean;
  readonly reason?: string;
}

/** Ends a lease at its holder's wish: passes it on in the process, or gives it back to the store. */
export async function release(context: LockContext, lease: Lease): Promise<Released> {
  const { tenures, queues, calls } = context;
  const { tenure } = lease;
  const first = lease.open;
  const count = (outcome: ReleaseEvent['outcome']): void => context.tell('onRelease', () => ({ outcome }));
  if (lease.lostReason || (first && !tenures.certain(tenure))) {
    count('not_owner');
    // An extension whose answer never came may have kept it alive in the store.
    if (tenure.failures > 0) calls.discard(tenure.named());
    return { released: false, reason: lease.lostReason ?? 'expired' };
  }
  // From here on nothing aborts its signal.
  lease.open = false;
  const released = (): Released => {
    if (first) tenures.countEnd(lease, 'released');
    count('released');
    return { released: true };
  };
  const queue = queues.find(tenure.key, tenure.mode);
  const heir = first && queue ? heirOf(context, queue, tenure) : undefined;
  if (queue && heir) {
    const outcome = released();
    passOn(context, queue, tenure, heir);
    return outcome;
  }
  let reply: ReleaseReply;
  try {
    reply = await giveBack(context, tenure);
  } catch (error) {
    // The holder is done with it either way; the store frees it with its ttl, or when its release is asked for again.
    if (first) tenures.countEnd(lease, 'released');
    count('error');
    throw error;
  }
  if (reply.released) return released();
  const reason = reply.reason ?? 'expired';
  lease.lose(reason);
  if (first) tenures.countLoss(lease, reason);
  count('not_owner');
  return { released: false, reason };
}
