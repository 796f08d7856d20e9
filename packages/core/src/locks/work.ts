import type { Lock } from './api.js';
import { isStoreError } from '../errors.js';
import type { Lease } from './lease.js';

/** Runs `work` under the lease and releases it; see `Locks.withLock`. */
export async function workUnder<T>(lease: Lease, work: (lock: Lock) => T | Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work(lease);
  } catch (error) {
    const lost = await lostMeanwhile(lease);
    // Work that stopped because of the loss throws the loss itself.
    if (lost && error !== lease.lostError()) throw lease.makeLostError(error);
    throw error;
  }
  if (await lostMeanwhile(lease)) throw lease.lostError();
  return result;
}

async function lostMeanwhile(lease: Lease): Promise<boolean> {
  // Work may release the lock by itself; that is not a loss.
  try {
    await lease.release();
  } catch (error) {
    // The work was done under the lock, and the store frees the lease with its ttl; hooks were told of the failed release.
    if (!isStoreError(error)) throw error;
  }
  return lease.lostReason !== undefined;
}
