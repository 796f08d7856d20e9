import { durationMs } from '../validate.js';
import type { LockContext } from './context.js';
import type { Lease } from './lease.js';
import { extendNow } from './renewing.js';
import { checkDrift, minTtlMs } from './settings.js';

/** Extends a lease at its holder's wish. */
export async function extend(context: LockContext, lease: Lease, ttlMs: number = lease.tenure.ttlMs): Promise<void> {
  checkDrift(durationMs('ttlMs', ttlMs, minTtlMs), context.driftMs);
  lease.assertHeld();
  const extension = await extendNow(context, lease.tenure, ttlMs);
  if (typeof extension === 'object') throw extension.error;
  lease.assertHeld();
}
