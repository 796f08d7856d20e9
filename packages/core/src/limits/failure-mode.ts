import { decisionsBy } from './decision.js';
import { costOf, leastCost } from './ops.js';
import type { Decision, StoreFailureMode } from './api.js';
import type { LimiterOp } from './contract.js';
import type { Limit } from './limit.js';

/** The decision of `onStoreFailure: 'open'` or `'closed'`; `undefined` for operations that write, which must not pretend. */
export function failureDecision(
  mode: StoreFailureMode,
  limits: readonly Limit[],
  op: LimiterOp,
  nowUs: number,
  retryAfterMs: number,
  owner: object,
  key: string,
): Decision | undefined {
  if (leastCost(op) === undefined) return undefined;
  const allowed = mode === 'open';
  const retryAtUs = allowed ? 0 : nowUs + Math.ceil(retryAfterMs * 1000);
  const resetAtUs = allowed ? nowUs : retryAtUs;
  const readings = limits.map(({ limit }) => ({ remaining: allowed ? limit : 0, resetAtUs }));
  const remaining = allowed ? Math.min(...limits.map(({ limit }) => limit)) : 0;
  const source = allowed ? 'open' : 'closed';
  const reason = allowed ? undefined : 'closed';
  const answer = {
    allowed,
    granted: 0,
    reason,
    violated: -1,
    retryAtUs,
    remaining,
    resetAtUs,
    readings,
    nowUs,
  } as const;
  const granted = allowed && op.kind !== 'peek' ? costOf(op) : 0;
  return decisionsBy(limits, source, owner, granted)(key, { ...answer, atUs: nowUs });
}
