import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { StoreError, tokenBucket } from '@headgate/core';
import { until } from '@headgate/test-servers';
import type {
  AcquireRequest,
  LimiterAnswer,
  LimiterResult,
  LimiterStep,
  LimiterStore,
  LockStore,
} from '@headgate/core';

/**
 * What a call that waits for nothing takes less than on any machine, milliseconds. The waits it could fall into are longer: a server's silence is
 * borne for 5 s, and a connection may take 10 s.
 */
export const atOnceMs = 2_500;

/** What {@link limits} admit. */
export const capacity = 100_000;

/** One bucket that never refills while a test runs: what is left of it counts every charge. */
export const limits = [tokenBucket({ capacity, refillTokens: 1, refillIntervalMs: 1_000_000 })];

/** A step of one operation of cost 1. */
export function step(key: string, kind: 'consume' | 'peek' = 'consume'): LimiterStep {
  return { key, limits, ops: [{ kind, cost: 1 }] };
}

/** The answer to a step of one operation; throws a step's error. */
export function answerOf(result: LimiterResult | undefined): LimiterAnswer {
  if (!result) throw new Error('no result');
  if ('error' in result) throw result.error;
  return result.answers[0] as LimiterAnswer;
}

/** Decides one step. */
export async function ask(
  store: LimiterStore,
  key: string,
  kind?: 'consume' | 'peek',
  signal?: AbortSignal,
): Promise<LimiterAnswer> {
  return answerOf((await store.decide([step(key, kind)], { ...(signal && { signal }) }))[0]);
}

/** How much of a key has been charged. */
export async function spent(store: LimiterStore, key: string): Promise<number> {
  return capacity - (await ask(store, key, 'peek')).remaining;
}

/** Resolves when `attempt` succeeds; what it throws meanwhile goes to `check`. */
export async function recovered(
  attempt: () => Promise<unknown>,
  check: (error: unknown) => void = isStoreError(),
  timeoutMs = 15_000,
): Promise<void> {
  await until(
    () =>
      attempt().then(
        () => true,
        (error: unknown) => {
          check(error);
          return false;
        },
      ),
    { timeoutMs, what: 'an answer' },
  );
}

/** Resolves when the store answers again. */
export function answersAgain(store: LimiterStore): Promise<void> {
  return recovered(() => ask(store, 'any', 'peek'));
}

/** A check that an error is a `StoreError` of this kind, or of any. */
export function isStoreError(kind?: string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof StoreError, String(error));
    if (kind !== undefined) assert.equal(error.kind, kind, error.message);
    return true;
  };
}

/** An attempt at a lock. */
export function request(key: string, over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { key, leaseId: randomUUID(), ownerId: 'o', mode: 'exclusive', permits: 1, ttlMs: 10_000, ...over };
}

/** A lease that was taken through a store. */
export interface TakenLease {
  readonly key: string;
  readonly mode: 'exclusive';
  readonly leaseId: string;
  readonly fencingToken: number;
}

/** Takes a lock that must be free. */
export async function take(store: LockStore, key: string, over: Partial<AcquireRequest> = {}): Promise<TakenLease> {
  const asked = request(key, over);
  const reply = await store.acquire(asked);
  assert.ok(reply.acquired, `${key} is held`);
  return { key, mode: 'exclusive', leaseId: asked.leaseId, fencingToken: reply.fencingToken };
}
