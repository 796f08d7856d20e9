import type { LockContext } from './context.js';
import type { KeyQueue } from './queue.js';
import { giveBack } from './giving-back.js';
import { contend } from './waiting.js';
import { Lease } from './lease.js';
import { extendNow, extendWithin } from './renewing.js';
import type { Tenure } from './tenure.js';
import type { Waiter } from './waiter.js';

/** How soon the store is told who holds, after a lock was passed on to a holder that keeps it, milliseconds. */
const refreshMs = 50;

/** Hands the tenure to `heir`, extending it first when too little of it is left. */
export function passOn(context: LockContext, queue: KeyQueue, tenure: Tenure, heir: Waiter): void {
  queue.queued.delete(heir);
  queue.contending.add(heir);
  tenure.lease = undefined;
  tenure.passOnLeft -= 1;
  const leftMs = tenure.deadlineMs - context.clock.monotonicMs();
  if (leftMs >= (heir.want.ttlMs * 2) / 3) handOver(context, tenure, heir);
  else void extendAndHandOver(context, queue, tenure, heir);
}

function handOver(context: LockContext, tenure: Tenure, heir: Waiter): void {
  const { ttlMs, renew } = heir.want;
  tenure.ttlMs = ttlMs;
  tenure.renew = renew;
  tenure.stale = true;
  const lease = new Lease(context, heir.want, tenure);
  extendWithin(context, tenure, Math.min(refreshMs, ttlMs / 3));
  heir.succeed([lease]);
}

async function extendAndHandOver(context: LockContext, queue: KeyQueue, tenure: Tenure, heir: Waiter): Promise<void> {
  const { tenures, calls } = context;
  const extension = await extendNow(context, tenure, heir.want.ttlMs);
  if (heir.done) {
    // Its release has the same outcome as any other that nobody asked for: none.
    if (!tenure.ended) await giveBack(context, tenure).catch(() => undefined);
    return;
  }
  if (extension === 'ok' && tenures.certain(tenure)) return handOver(context, tenure, heir);
  if (!tenure.ended) {
    tenures.remove(tenure, 'released');
    calls.discard(tenure.named());
  }
  queue.tenures.delete(tenure);
  await contend(context, queue, heir);
}
