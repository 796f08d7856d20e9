import { byToken, compatible, type Grant, isGrant, modeOf } from './grants.js';
import type { LockHistoryViolation, LockOperation } from './operation.js';

interface Hold {
  readonly grant: Grant;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** At no instant do more clients believe that they hold the key than its modes allow. */
export function checkHolds(operations: readonly LockOperation[]): LockHistoryViolation[] {
  const named = byToken(operations);
  const holds = operations
    .filter(isGrant)
    .flatMap((grant) => believedHolds(grant, named.get(grant.token) ?? []))
    .sort((one, other) => one.fromMs - other.fromMs);
  const violations: LockHistoryViolation[] = [];
  let open: Hold[] = [];
  for (const hold of holds) {
    open = open.filter((other) => other.untilMs > hold.fromMs && other.grant !== hold.grant);
    const stranger = open.find((other) => !compatible(modeOf(other.grant), modeOf(hold.grant)));
    const permits = hold.grant.mode === 'permit' ? (hold.grant.permits ?? 1) : Number.POSITIVE_INFINITY;
    if (stranger) {
      const message = `tokens ${stranger.grant.token} and ${hold.grant.token} were held together`;
      violations.push({ rule: 'holds-overlap', message, operations: [stranger.grant, hold.grant] });
    } else if (open.length + 1 > permits) {
      const message = `${open.length + 1} held one of ${permits} permits`;
      violations.push({ rule: 'holds-overlap', message, operations: [...open.map((each) => each.grant), hold.grant] });
    }
    open.push(hold);
  }
  return violations;
}

// From the grant's return, and from each extension's, to the lease's believed end; none past the first call to release it.
function believedHolds(grant: Grant, named: readonly LockOperation[]): Hold[] {
  const never = Number.POSITIVE_INFINITY;
  let givenUpMs = never;
  const spans = [{ fromMs: grant.returnMs, untilMs: grant.leaseEndMs ?? never }];
  for (const each of named) {
    if (each.client !== grant.client) continue;
    if (each.op === 'release') givenUpMs = Math.min(givenUpMs, each.invokeMs);
    if (each.op === 'extend' && each.outcome === 'ok') {
      spans.push({ fromMs: each.returnMs, untilMs: each.leaseEndMs ?? never });
    }
  }
  return spans
    .map(({ fromMs, untilMs }) => ({ grant, fromMs, untilMs: Math.min(untilMs, givenUpMs) }))
    .filter((hold) => hold.untilMs > hold.fromMs);
}
