import type { LimiterOp } from './contract.js';

/** Operations are immutable, so those that nearly every call makes are made once. */
const consumes: readonly LimiterOp[] = Array.from({ length: 65 }, (_, cost) =>
  Object.freeze({ kind: 'consume', cost }),
);

export const consumeOne: LimiterOp = consumes[1] as LimiterOp;

export function consumeOp(cost: number): LimiterOp {
  return consumes[cost] ?? { kind: 'consume', cost };
}

/** The units an operation asks for; 0 for those that ask for none. */
export function costOf(op: LimiterOp): number {
  return 'cost' in op ? op.cost : 0;
}

/** The least cost with which an operation would be content; `undefined` for those that write without asking. */
export function leastCost(op: LimiterOp): number | undefined {
  if (op.kind === 'consume' || op.kind === 'peek') return op.cost;
  return op.kind === 'consumeUpTo' ? Math.min(1, op.cost) : undefined;
}
