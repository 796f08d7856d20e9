import type { LockStore } from '@headgate/core';
import { memoryLimiterStore, memoryLockStore } from '@headgate/memory';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FileLockManager } from '../src/file-lock-manager.js';
import { Instances } from '../src/instances.js';
import { LiveFeed } from '../src/live-feed.js';
import type { Snapshot } from '../src/live-feed.js';
import { RateLimiter } from '../src/rate-limiter.js';

/** A feed whose lock store answers `list` only once `open` was called; `looks` counts the questions. */
function feedBehindGate(): { feed: LiveFeed; looks: () => number; open: () => void; end: () => Promise<void> } {
  let looks = 0;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const inner = memoryLockStore();
  const store: LockStore = {
    name: inner.name,
    clock: inner.clock,
    capabilities: inner.capabilities,
    acquire: (request) => inner.acquire(request),
    cancelWait: (waiter) => inner.cancelWait(waiter),
    extend: (leases, ttlMs) => inner.extend(leases, ttlMs),
    release: (leases) => inner.release(leases),
    inspect: (key) => inner.inspect(key),
    releaseSession: (sessionId) => inner.releaseSession(sessionId),
    forceRelease: (key) => inner.forceRelease(key),
    close: () => inner.close(),
    async *list(filter) {
      looks++;
      await opened;
      yield* inner.list(filter);
    },
  };
  const limiter = new RateLimiter({
    store: memoryLimiterStore(),
    hooks: {},
    tasksPerSecond: 1,
    tasksPerMinute: 1,
    instances: 1,
    timeoutMs: 1000,
  });
  const locks = new FileLockManager({ store, hooks: {}, ttlMs: 10_000, ownerId: 'one' });
  const instances = new Instances({ store, hooks: {}, name: 'one' });
  const feed = new LiveFeed({
    instance: 'one',
    store: 'memory',
    url: () => '',
    limiter,
    locks,
    instances,
    adminEnabled: false,
  });
  const end = async (): Promise<void> => {
    feed.close();
    await Promise.all([limiter.close(), locks.close(), instances.close()]);
  };
  return { feed, looks: () => looks, open, end };
}

test('a page that is loaded again while a look is under way does not double the looks', async () => {
  const { feed, looks, open, end } = feedBehindGate();
  onTestFinished(end);
  feed.listen(() => undefined)();
  const leave = feed.listen(() => undefined);
  await vi.waitUntil(() => looks() === 1, 10_000);
  leave();
  const told: number[] = [];
  feed.listen((_snapshot: Snapshot) => told.push(performance.now()));
  await vi.waitUntil(() => looks() === 2, 10_000);
  open();
  await vi.waitUntil(() => told.length === 4, 10_000);
  expect((told[3] as number) - (told[0] as number)).toBeGreaterThan(1400);
});

test('a look that is under way when the instance stops ends quietly', async () => {
  const { feed, looks, open, end } = feedBehindGate();
  feed.listen(() => expect.unreachable('nobody is told after the end'));
  await vi.waitUntil(() => looks() === 1, 10_000);
  await end();
  open();
  // An unhandled rejection would fail the run.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(looks()).toBe(1);
});
