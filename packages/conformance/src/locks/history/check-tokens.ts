import { issuesOf } from './grants.js';
import { newestBefore } from './newest-before.js';
import type { LockHistoryViolation, LockOperation } from './operation.js';

/** Tokens are distinct, and rise in real time: what returned before another was asked for has the smaller one. A forced release issues one too. */
export function checkTokens(operations: readonly LockOperation[]): LockHistoryViolation[] {
  const issues = issuesOf(operations);
  const violations: LockHistoryViolation[] = [];
  const firstOf = new Map<number, LockOperation>();
  const newest = newestBefore(issues);
  for (const issue of issues) {
    const first = firstOf.get(issue.token);
    if (first) {
      const message = `token ${issue.token} was issued twice`;
      violations.push({ rule: 'token-repeated', message, operations: [first, issue] });
    } else {
      firstOf.set(issue.token, issue);
    }
    const earlier = newest(issue.invokeMs);
    if (earlier && earlier.token > issue.token) {
      const message = `token ${issue.token} was issued after ${earlier.token} had been`;
      violations.push({ rule: 'token-order', message, operations: [earlier, issue] });
    }
  }
  return violations;
}
