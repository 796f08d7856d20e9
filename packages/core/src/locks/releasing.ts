import type { ReleaseEvent } from '../hooks/events.js';
import type { LockContext } from './context.js';
import type { ReleaseReply } from './contract.js';
import { heirOf } from './gate.js';
import { giveBack } from './giving-back.js';
import type { Lease } from './lease.js';
import { passOn } from './pass-on.js';
import { endOf } from './tenures.js';

/** What a release tells its caller. */
export interface Released {
  readonly released: boolean;
  readonly reason?: string;
}

/** Ends a lease at its holder's wish: passes it on in the process, or gives it back to the store. */
export async function release(context: LockContext, lease: Lease): Promise<Released> {
  const { tenures, queues, settings } = context;
  const { tenure } = lease;
  const first = lease.open;
  if (first && !tenures.certain(tenure)) return gone(context, lease);
  if (lease.lostReason) return gone(context, lease);
  lease.beginRelease();
  const queue = queues.find(tenure.key, tenure.mode);
  const heir = first && queue ? heirOf(settings, queue, tenure) : undefined;
  if (queue && heir) {
    lease.endRelease();
    tenures.countEnd(lease, 'released');
    count(context, 'released');
    passOn(context, queue, tenure, heir);
    return { released: true };
  }
  let reply: ReleaseReply;
  try {
    reply = await giveBack(context, tenure);
  } catch (error) {
    // The holder is done with it either way; the store frees it with its ttl, or when its release is asked for again.
    if (first) tenures.countEnd(lease, 'released');
    count(context, 'error');
    throw error;
  }
  if (reply.released) {
    lease.endRelease();
    if (first) tenures.countEnd(lease, 'released');
    count(context, 'released');
    return { released: true };
  }
  const reason = reply.reason ?? 'expired';
  lease.lose(reason);
  if (first) {
    tenures.countLost(reason);
    tenures.countEnd(lease, endOf(reason));
  }
  count(context, 'not_owner');
  return { released: false, reason };
}

function gone(context: LockContext, lease: Lease): Released {
  count(context, 'not_owner');
  const { tenure } = lease;
  // An extension whose answer never came may have kept it alive in the store.
  if (tenure.failures > 0) context.calls.discard(tenure, tenure.fencingToken);
  return { released: false, reason: lease.lostReason ?? 'expired' };
}

function count({ settings }: LockContext, outcome: ReleaseEvent['outcome']): void {
  const { emitter, labels } = settings;
  if (emitter.wants('onRelease')) emitter.emit('onRelease', { ...labels, outcome });
}
