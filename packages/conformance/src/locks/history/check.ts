import { checkBusy } from './check-busy.js';
import { checkEndings } from './check-endings.js';
import { checkHolds } from './check-holds.js';
import { checkTokens } from './check-tokens.js';
import { checkWrites } from './check-writes.js';
import type { LockHistoryViolation, LockOperation } from './operation.js';

/** How strictly a history is read. */
export interface LockHistoryOptions {
  /**
   * Whether every client ran freely: then beliefs of holding never overlap. Turn it off for a history in which clients were paused or clocks moved: a
   * paused client believes what is no longer so, and only its tokens keep it from harm. Default true.
   */
  readonly unpaused?: boolean;
  /** How much later than a lease's believed end the store may still refuse others, milliseconds: `expirySlackMs` plus clock error. Default 0. */
  readonly slackMs?: number;
}

/**
 * Checks what clients saw of locks and of a fenced resource against what mutual exclusion and fencing promise. Returns every breach with the operations
 * that prove it; an empty list means that some correct order of grants explains the history. Takes O(n log n) per key, since tokens name the order.
 *
 * - Tokens of grants are distinct, and a grant that returned before another was asked for has the smaller token.
 * - Believed holds of one key do not overlap beyond what their modes allow (unless clients were paused).
 * - Accepted writes never go back in tokens, carry tokens that were issued, and no write is fenced without a newer one.
 * - A refusal is explained by somebody who may have held the key or queued for it.
 * - Whoever extends or releases successfully was the holder at some instant of the call, and at most one release of a token succeeds.
 *
 * It cannot tell two waiters that time out because of each other from a lock that was busy.
 */
export function checkLockHistory(
  history: readonly LockOperation[],
  options: LockHistoryOptions = {},
): readonly LockHistoryViolation[] {
  const { unpaused = true, slackMs = 0 } = options;
  return [...byKey(history).values()].flatMap((operations) => [
    ...checkTokens(operations),
    ...(unpaused ? checkHolds(operations) : []),
    ...checkWrites(operations),
    ...checkBusy(operations, slackMs),
    ...checkEndings(operations),
  ]);
}

function byKey(history: readonly LockOperation[]): Map<string, LockOperation[]> {
  const groups = new Map<string, LockOperation[]>();
  for (const operation of history) {
    const group = groups.get(operation.key);
    if (group) group.push(operation);
    else groups.set(operation.key, [operation]);
  }
  return groups;
}
