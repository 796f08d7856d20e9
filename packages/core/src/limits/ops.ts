import type { LimiterOp } from './contract.js';

/** What nearly every call asks for. */
export const consumeOne: LimiterOp = { kind: 'consume', cost: 1 };

/** The units an operation asks for; 0 for those that ask for none. */
export function costOf(op: LimiterOp): number {
  return 'cost' in op ? op.cost : 0;
}

/** The least cost with which an operation would be content; `undefined` for those that write without asking. */
export function leastCost(op: LimiterOp): number | undefined {
  if (op.kind === 'consume' || op.kind === 'peek') return op.cost;
  return op.kind === 'consumeUpTo' ? Math.min(1, op.cost) : undefined;
}
