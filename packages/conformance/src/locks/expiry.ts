import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockStore } from '@headgate/core';
import { machineMarginMs, type LockTest } from './lock-test.js';
import { heldBy, refuse, request, type Held } from './leases.js';

/** When a lease was last prolonged: between the call and its answer. */
export interface Prolonged {
  readonly sentMs: number;
  readonly returnedMs: number;
}

/** Runs a call that prolongs a lease and notes when. */
export async function timed<T>(test: LockTest, call: () => Promise<T>): Promise<Prolonged & { readonly value: T }> {
  const sentMs = test.nowMs();
  const value = await call();
  return { sentMs, returnedMs: test.nowMs(), value };
}

/**
 * Asserts that an abandoned lease keeps others out for `ttlMs` from when it was last prolonged, and not past that plus the store's declared slack.
 * Returns the lease that took its place. In moved time to the millisecond; else by asking again and again.
 */
export async function assertFreedInTime(
  test: LockTest,
  store: LockStore,
  key: string,
  prolonged: Prolonged,
  ttlMs: number,
): Promise<Held> {
  const slackMs = store.capabilities.expirySlackMs(ttlMs);
  if (test.clock) {
    await test.pass(prolonged.sentMs + ttlMs - 1 - test.nowMs());
    await refuse(store, key);
    await test.pass(1 + slackMs);
    const asked = request(key);
    return heldBy(asked, await store.acquire(asked));
  }
  const deadlineMs = prolonged.returnedMs + ttlMs + slackMs + machineMarginMs;
  for (;;) {
    const asked = request(key);
    const attempt = await timed(test, () => store.acquire(asked));
    if (attempt.value.acquired) {
      const earliestMs = prolonged.sentMs + ttlMs;
      assert.ok(attempt.returnedMs >= earliestMs, `freed ${earliestMs - attempt.returnedMs} ms before its ttl`);
      return heldBy(asked, attempt.value);
    }
    assert.ok(
      attempt.sentMs <= deadlineMs,
      `still held ${attempt.sentMs - prolonged.returnedMs} ms after a ttl of ${ttlMs} ms began (slack ${slackMs})`,
    );
    await sleep(15);
  }
}
