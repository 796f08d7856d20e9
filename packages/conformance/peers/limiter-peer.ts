import type { LimiterOp, LimiterResult, LimiterStep, LimiterStore } from '@headgate/core';
import { NotOffered } from './not-offered.js';

/** `limit` units per `windowMs`, by whatever algorithm the peer has. */
export interface Quota {
  readonly limit: number;
  readonly windowMs: number;
}

/** What a peer says: whether the call passed, what is left, and when the quota is back (epoch milliseconds; absent for a fresh key). */
export interface PeerAnswer {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly resetAtMs?: number;
}

/** A rate limiter of somebody else's, reduced to what our contract can ask of it. A missing method is one that was never claimed. */
export interface LimiterPeer {
  consume(key: string, quota: Quota, cost: number): Promise<PeerAnswer>;
  /** How the key stands; nothing is taken. */
  look?(key: string, quota: Quota): Promise<PeerAnswer>;
  refund?(key: string, quota: Quota, cost: number): Promise<PeerAnswer>;
  penalize?(key: string, quota: Quota, cost: number): Promise<PeerAnswer>;
  block?(key: string, quota: Quota, forMs: number): Promise<PeerAnswer>;
  reset?(key: string, quota: Quota): Promise<void>;
  close(): Promise<void>;
}

/** How a peer is put behind our contract. */
export interface LimiterShimOptions {
  readonly name: string;
  /** Windows are cut to this, where the peer documents a longest; milliseconds. */
  readonly longestWindowMs?: number;
  /** Peers tell instants by clocks read a moment before or after ours, or as times from now: within this they are one instant. Default 10 ms. */
  readonly sameInstantMs?: number;
}

/** Puts a peer behind our contract: steps of one key, one limit and one operation. Every limit is asked of the peer's one algorithm, with the same quota and window. */
export function limiterStoreOf(peer: LimiterPeer, options: LimiterShimOptions): LimiterStore {
  const { name, longestWindowMs = Infinity, sameInstantMs = 10 } = options;
  let closing: Promise<void> | undefined;
  const resets = new Map<string, number>();

  const steady = (ms: number, known: number | undefined): number =>
    known !== undefined && Math.abs(ms - known) <= sameInstantMs ? known : ms;

  const ask = (key: string, quota: Quota, op: LimiterOp): Promise<PeerAnswer> | undefined => {
    if (op.kind === 'consume') return peer.consume(key, quota, op.cost);
    if (op.kind === 'peek')
      return peer.look?.(key, quota).then((seen) => ({ ...seen, allowed: seen.remaining >= op.cost }));
    if (op.kind === 'refund') return peer.refund?.(key, quota, op.cost);
    if (op.kind === 'penalize') return peer.penalize?.(key, quota, op.cost);
    if (op.kind === 'block' && op.forUs === 0) return peer.look?.(key, quota);
    if (op.kind === 'block') return peer.block?.(key, quota, op.forUs / 1000);
    if (op.kind === 'reset') return peer.reset?.(key, quota).then(() => ({ allowed: true, remaining: quota.limit }));
    return undefined;
  };

  const decide = async ({ key, limits: [limit, ...more], ops: [op] }: LimiterStep): Promise<LimiterResult> => {
    if (!limit || !op || more.length > 0) throw new NotOffered('several limits in one atomic step');
    const quota = { limit: limit.limit, windowMs: Math.min(limit.windowMs, longestWindowMs) };
    // Read before the call: peers read theirs as it begins.
    const askedMs = Date.now();
    const asked = ask(key, quota, op);
    if (!asked) throw new NotOffered(`the operation \`${op.kind}\``);
    const { allowed, remaining, resetAtMs } = await asked;
    const beganMs = resetAtMs === undefined ? undefined : resetAtMs - quota.windowMs;
    const nowMs = steady(askedMs, beganMs);
    const resetMs = resetAtMs === undefined ? nowMs : steady(resetAtMs, resets.get(key));
    resets.set(key, resetMs);
    const cost = 'cost' in op ? op.cost : 0;
    const granted = allowed && op.kind !== 'peek' ? cost : 0;
    const never = cost > limit.limit;
    const answer = { granted, remaining, resetAtUs: Math.round(resetMs * 1000) };
    const nowUs = Math.round(nowMs * 1000);
    if (allowed) return { nowUs, atUs: nowUs, answers: [{ ...answer, allowed, violated: -1, retryAtUs: 0 }] };
    const retryAtUs = never ? Infinity : answer.resetAtUs;
    const denied = { ...answer, allowed, reason: never ? 'capacity' : 'quota', violated: 0, retryAtUs } as const;
    return { nowUs, atUs: nowUs, answers: [denied] };
  };

  return {
    name,
    clock: 'client',
    capabilities: { maxSlidingLogLimit: 0, maxBatchSteps: 1, maxStepOps: 1, removalLagMs: Infinity },
    decide: (steps) => Promise.all(steps.map(decide)),
    close: () => (closing ??= peer.close()),
  };
}
