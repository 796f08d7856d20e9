import { byToken } from './grants.js';
import type { LockHistoryViolation, LockOperation, RecordedAcquire, RecordedForce } from './operation.js';

interface Span {
  readonly acquire: RecordedAcquire;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Every refusal overlaps the time in which somebody else may have held the key, or have queued for it. */
export function checkBusy(operations: readonly LockOperation[], slackMs: number): LockHistoryViolation[] {
  const named = byToken(operations);
  const forces = operations.filter((each): each is RecordedForce => each.op === 'force');
  const acquires = operations.filter((each): each is RecordedAcquire => each.op === 'acquire');
  const spans = acquires
    .map(
      (acquire): Span => ({
        acquire,
        fromMs: acquire.invokeMs,
        untilMs: mayBlockUntilMs(acquire, named, forces, slackMs),
      }),
    )
    .sort((one, other) => one.fromMs - other.fromMs);
  const violations: LockHistoryViolation[] = [];
  // The two latest ends among the spans begun so far: one of them may be the refused operation's own.
  let latest: Span[] = [];
  let begun = 0;
  const refusals = acquires.filter((acquire) => acquire.outcome === 'refused');
  for (const refused of refusals.sort((one, other) => one.returnMs - other.returnMs)) {
    for (let next = spans[begun]; next && next.fromMs <= refused.returnMs; next = spans[++begun]) {
      latest = [...latest, next].sort((one, other) => other.untilMs - one.untilMs).slice(0, 2);
    }
    if (!latest.some((span) => span.acquire !== refused && span.untilMs >= refused.invokeMs)) {
      const message = `${refused.client} was refused while nobody could have held the key`;
      violations.push({ rule: 'phantom-busy', message, operations: [refused] });
    }
  }
  return violations;
}

function mayBlockUntilMs(
  acquire: RecordedAcquire,
  named: ReadonlyMap<number, readonly LockOperation[]>,
  forces: readonly RecordedForce[],
  slackMs: number,
): number {
  const never = Number.POSITIVE_INFINITY;
  if (acquire.outcome === 'unknown') return (acquire.leaseEndMs ?? never) + slackMs;
  if (acquire.outcome !== 'acquired') return acquire.waited ? acquire.returnMs + slackMs : Number.NEGATIVE_INFINITY;
  const token = acquire.token as number;
  let leaseEndMs = acquire.leaseEndMs ?? never;
  let endedMs = Math.min(never, ...forces.filter((force) => force.token > token).map((force) => force.returnMs));
  for (const each of named.get(token) ?? []) {
    if (each.op === 'release' && each.outcome === 'ok') endedMs = Math.min(endedMs, each.returnMs);
    // An extension without an answer may have taken effect, and nobody knows until when.
    if (each.op === 'extend' && each.outcome !== 'lost') leaseEndMs = Math.max(leaseEndMs, each.leaseEndMs ?? never);
  }
  return Math.min(endedMs, leaseEndMs + slackMs);
}
