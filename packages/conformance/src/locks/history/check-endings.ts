import type { LockMode } from '@headgate/core';
import { byToken, compatible, type Grant, isGrant, issuesOf, modeOf } from './grants.js';
import { newestBefore } from './newest-before.js';
import type {
  LockHistoryViolation,
  LockOperation,
  RecordedExtend,
  RecordedForce,
  RecordedRelease,
} from './operation.js';

/** Whoever extended or released with success was the holder at some instant of the call, and a lease is released at most once. */
export function checkEndings(operations: readonly LockOperation[]): LockHistoryViolation[] {
  const violations: LockHistoryViolation[] = [];
  const successorOf = successors(operations);
  for (const [token, named] of byToken(operations)) {
    const grant = named.find(isGrant);
    const extensions = named.filter((each): each is RecordedExtend => each.op === 'extend' && each.outcome === 'ok');
    const releases = named.filter((each): each is RecordedRelease => each.op === 'release' && each.outcome === 'ok');
    const [release] = releases;
    if (releases.length > 1) {
      const message = `token ${token} was released twice, and both times it is said to have been held`;
      violations.push({ rule: 'released-twice', message, operations: releases });
    }
    for (const ending of [...extensions, ...releases]) {
      const proof = grant
        ? (successorOf(grant, ending.invokeMs) ??
          (ending.returnMs < grant.invokeMs ? grant : undefined) ??
          (ending.op === 'extend' && release && release.returnMs < ending.invokeMs ? release : undefined))
        : ending;
      if (proof) {
        const message = `${ending.op} of token ${token} succeeded though it was not held`;
        violations.push({
          rule: 'ended-not-current',
          message,
          operations: proof === ending ? [ending] : [proof, ending],
        });
      }
    }
  }
  return violations;
}

// The newest thing that cannot have happened while the grant lasted, if it had returned before the instant.
function successors(
  operations: readonly LockOperation[],
): (grant: Grant, instantMs: number) => LockOperation | undefined {
  const issues = issuesOf(operations);
  const lookups = new Map<LockMode, (instantMs: number) => Grant | RecordedForce | undefined>();
  return (grant, instantMs) => {
    const mode = modeOf(grant);
    let lookup = lookups.get(mode);
    if (!lookup) {
      lookup = newestBefore(issues.filter((issue) => issue.op === 'force' || !compatible(modeOf(issue), mode)));
      lookups.set(mode, lookup);
    }
    const newest = lookup(instantMs);
    return newest && newest.token > grant.token ? newest : undefined;
  };
}
