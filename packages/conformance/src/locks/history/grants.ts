import type { LockMode } from '@headgate/core';
import type { LockOperation, RecordedAcquire, RecordedForce } from './operation.js';

/** An acquire that was granted. */
export type Grant = RecordedAcquire & { readonly outcome: 'acquired'; readonly token: number };

/** Whether the operation is an acquire that was granted. */
export function isGrant(operation: LockOperation): operation is Grant {
  return operation.op === 'acquire' && operation.outcome === 'acquired';
}

/** Everything that was issued a token: grants and forced releases, in the order of the record. */
export function issuesOf(operations: readonly LockOperation[]): (Grant | RecordedForce)[] {
  return operations.filter((each): each is Grant | RecordedForce => isGrant(each) || each.op === 'force');
}

/** The mode of an acquire. */
export function modeOf(acquire: RecordedAcquire): LockMode {
  return acquire.mode ?? 'exclusive';
}

/** Whether a holder in one mode may hold the key together with a holder in the other. */
export function compatible(one: LockMode, other: LockMode): boolean {
  return one !== 'exclusive' && one === other;
}

/** The operations that name a token, by token. */
export function byToken(operations: readonly LockOperation[]): ReadonlyMap<number, readonly LockOperation[]> {
  const groups = new Map<number, LockOperation[]>();
  for (const operation of operations) {
    if (operation.token === undefined) continue;
    const group = groups.get(operation.token);
    if (group) group.push(operation);
    else groups.set(operation.token, [operation]);
  }
  return groups;
}
