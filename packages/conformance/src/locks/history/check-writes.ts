import { issuesOf } from './grants.js';
import { newestBefore } from './newest-before.js';
import type { LockHistoryViolation, LockOperation, RecordedWrite } from './operation.js';

/** The resource let no token pass that was older than one it had accepted, or that nobody was issued, and refused none without such a reason. */
export function checkWrites(operations: readonly LockOperation[]): LockHistoryViolation[] {
  const issued = new Set(issuesOf(operations).map((issue) => issue.token));
  const writes = operations.filter((each): each is RecordedWrite => each.op === 'write');
  const accepted = writes.filter((write) => write.outcome === 'accepted');
  const newestAccepted = newestBefore(accepted);
  const violations: LockHistoryViolation[] = [];
  for (const write of accepted) {
    if (!issued.has(write.token)) {
      const message = `token ${write.token} was accepted and never issued`;
      violations.push({ rule: 'write-unissued', message, operations: [write] });
    }
    const newer = newestAccepted(write.invokeMs);
    if (newer && newer.token > write.token) {
      const message = `a write with token ${write.token} was accepted after one with ${newer.token}`;
      violations.push({ rule: 'write-order', message, operations: [newer, write] });
    }
  }
  return [...violations, ...refusedInVain(writes, issued)];
}

// A fenced write needs a newer one that had at least begun by the time it was refused.
function refusedInVain(writes: readonly RecordedWrite[], issued: ReadonlySet<number>): LockHistoryViolation[] {
  const begun = writes
    .filter((write) => write.outcome !== 'fenced')
    .map(({ token, invokeMs }) => ({ token, returnMs: invokeMs }));
  const newestBegun = newestBefore(begun, true);
  return writes
    .filter((write) => write.outcome === 'fenced' && issued.has(write.token))
    .filter((write) => (newestBegun(write.returnMs)?.token ?? 0) <= write.token)
    .map((write) => ({
      rule: 'write-refused',
      message: `a write with token ${write.token} was refused and none newer had been made`,
      operations: [write],
    }));
}
