import { memoryUs, mostAdmitted, regained } from './bounds.js';
import type { Limit } from '@headgate/core';
import type { LimiterCall, LimiterViolation } from './limiter-call.js';

/** Options of {@link checkLimiterHistory}. */
export interface LimiterHistoryOptions {
  /** How far the callers' clock and the limiter's may drift apart over the history, microseconds; default 0. */
  readonly clockErrorUs?: number;
}

/**
 * Says in which ways a history of concurrent `consume` calls cannot have come from `limit`; empty when it can. A call took effect somewhere
 * between its invocation and its return, so it checks what no order of effects can excuse:
 * - overshoot: within some interval, calls that began and ended inside it were admitted for more than the limit admits in that time;
 * - phantom denial: a call was denied although everything that may have counted against it, taken together, left room.
 * Sound (a correct limiter is never accused), not complete. Calls with refunds, penalties or resets between them are beyond it. O(n²).
 */
export function checkLimiterHistory(
  history: readonly LimiterCall[],
  limit: Limit,
  { clockErrorUs = 0 }: LimiterHistoryOptions = {},
): readonly LimiterViolation[] {
  const byKey = new Map<string, LimiterCall[]>();
  for (const call of history) {
    const calls = byKey.get(call.key) ?? [];
    calls.push(call);
    byKey.set(call.key, calls);
  }
  return [...byKey].flatMap(([key, calls]) => [
    ...overshoots(key, calls, limit, clockErrorUs),
    ...phantomDenials(key, calls, limit, clockErrorUs),
  ]);
}

/** For every invocation as the beginning of an interval, at most one violation: the first return at which too much was admitted. */
function overshoots(
  key: string,
  calls: readonly LimiterCall[],
  limit: Limit,
  clockErrorUs: number,
): readonly LimiterViolation[] {
  const admitted = calls.filter(({ outcome }) => outcome === 'allowed').sort((a, b) => a.returnUs - b.returnUs);
  const found: LimiterViolation[] = [];
  for (const { invokeUs: startUs } of admitted) {
    const inside: LimiterCall[] = [];
    let sum = 0;
    for (const call of admitted) {
      if (call.invokeUs < startUs) continue;
      inside.push(call);
      sum += call.cost;
      const lengthUs = call.returnUs - startUs + clockErrorUs;
      const most = mostAdmitted(limit, lengthUs);
      if (sum <= most) continue;
      const message = `${sum} units were admitted within ${lengthUs} us, where '${limit.name}' admits at most ${most}`;
      found.push({ kind: 'overshoot', key, message, calls: inside });
      break;
    }
  }
  return found;
}

function phantomDenials(
  key: string,
  calls: readonly LimiterCall[],
  limit: Limit,
  clockErrorUs: number,
): readonly LimiterViolation[] {
  const charged = calls.filter(({ outcome }) => outcome !== 'denied');
  const found: LimiterViolation[] = [];
  for (const denied of calls) {
    if (denied.outcome !== 'denied' || denied.cost > limit.limit) continue;
    const most = mostSpent(charged, denied, limit, clockErrorUs);
    if (most + denied.cost > limit.limit) continue;
    const message = `a cost of ${denied.cost} was denied while at most ${most} of ${limit.limit} units of '${limit.name}' were spent`;
    found.push({ kind: 'phantom-denial', key, message, calls: [denied] });
  }
  return found;
}

/** The most that can have been spent when `denied` was decided: over every time at which the limit may have been whole, what may have been charged since. */
function mostSpent(charged: readonly LimiterCall[], denied: LimiterCall, limit: Limit, clockErrorUs: number): number {
  const horizonUs = denied.invokeUs - memoryUs(limit) - clockErrorUs;
  // Effects as late as they can be: those weigh longest.
  const relevant = charged
    .filter((call) => call.invokeUs <= denied.returnUs && call.returnUs >= horizonUs)
    .map((call) => ({ atUs: Math.min(call.returnUs, denied.returnUs), cost: call.cost }))
    .sort((a, b) => b.atUs - a.atUs);
  let sum = 0;
  let most = 0;
  for (const { atUs, cost } of relevant) {
    sum += cost;
    most = Math.max(most, sum - regained(limit, denied.invokeUs - atUs - clockErrorUs));
  }
  return most;
}
