import assert from 'node:assert/strict';
import { InvalidArgumentError, joinKey, LockLostError } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { sleep } from '../../suite/deadline.js';
import { assertHolders } from '../leases.js';
import { type LockTest, machineMarginMs, managerName } from '../lock-test.js';
import { observe } from '../observed-store.js';
import { until } from '../until.js';
import { inMovedTime, type LockProperty } from './claim.js';

const isLost = (error: unknown): boolean => error instanceof LockLostError;

/** A lock that is held stays held, says so when it no longer is, and stops costing anything when it is released. */
export const heldProperties: readonly LockProperty[] = [
  inMovedTime({
    id: 'held/renewal-outlives-the-ttl',
    title: 'a lock is renewed for five times its ttl and more, under the same token, and nobody else gets in',
    async run(test) {
      for (let holds = 1; !(await outlivesItsTtl(test)); holds++)
        assert.ok(holds < 10, 'the machine stood still in each of ten holds');
    },
  }),
  inMovedTime({
    id: 'held/release-ends-all-traffic',
    title: 'after a release neither renewals nor anything else reach the store',
    async run(test) {
      const observed = observe(test.store);
      const locks = test.manager({ store: observed.store, ttlMs: test.shortMs });
      const lock = await locks.acquire(randomKey());
      await test.pass(test.shortMs);
      assert.ok(observed.log.includes('extend'), 'it was renewed while it was held');
      await lock.release();
      const { calls } = observed;
      await test.pass(2 * test.shortMs);
      assert.equal(observed.calls, calls, `store calls after the release: ${observed.log.slice(calls).join(', ')}`);
      assert.deepEqual(locks.local().held, []);
    },
  }),
  {
    id: 'held/release-does-not-abort',
    title: 'a normal release does not abort the signal, and a second one is harmless',
    async run(test) {
      const lock = await test.manager().acquire(randomKey());
      assert.equal((await lock.release()).released, true);
      await lock.release();
      await sleep(20);
      assert.equal(lock.signal.aborted, false);
      assert.equal(lock.held, false);
      assert.throws(() => lock.assertHeld(), isLost);
    },
  },
  {
    id: 'held/second-acquire-in-the-process-contends',
    title: 'a second attempt in the same process contends like any other',
    async run(test) {
      const key = randomKey();
      const locks = test.manager();
      const lock = await locks.acquire(key);
      const attempt = await locks.tryAcquire(key);
      assert.ok(!attempt.acquired);
      assert.equal(attempt.holders[0]?.fencingToken, lock.fencingToken);
      await lock.release();
    },
  },
  inMovedTime({
    id: 'held/deadline-aborts-the-signal',
    title: 'a lock that is not renewed aborts its signal by its ttl, before anybody else can get in',
    async run(test) {
      const key = randomKey();
      const { shortMs } = test;
      const sentMs = test.runMs();
      const lock = await test.manager().acquire(key, { ttlMs: shortMs, renew: false });
      let abortedMs = Number.POSITIVE_INFINITY;
      lock.signal.addEventListener('abort', () => (abortedMs = test.runMs()));
      await test.pass(shortMs + 1);
      assert.ok(
        abortedMs <= sentMs + shortMs + (test.clock ? 0 : machineMarginMs),
        `aborted ${abortedMs - sentMs} ms after a ttl of ${shortMs} ms began`,
      );
      assert.ok(isLost(lock.signal.reason), String(lock.signal.reason));
      assert.throws(() => lock.assertHeld(), isLost);
      await assert.rejects(lock.extend(), isLost);
      await test.outlive(shortMs);
      const next = await test.manager({ store: await test.peer() }).acquire(key);
      assert.equal((await lock.release()).released, false);
      await assertHolders(test.store, joinKey(managerName, key), [
        {
          key,
          leaseId: next.leaseId,
          mode: 'exclusive',
          fencingToken: next.fencingToken,
          lastToken: 0,
          request: undefined as never,
        },
      ]);
    },
  }),
  inMovedTime({
    id: 'held/hung-store-aborts-by-the-deadline',
    title: 'a lock whose renewals never come back aborts its signal by its deadline all the same',
    async run(test) {
      const hung = observe(test.store, { extend: () => new Promise(() => {}) });
      const { shortMs } = test;
      const sentMs = test.runMs();
      const lock = await test.manager({ store: hung.store, ttlMs: shortMs }).acquire(randomKey());
      let abortedMs = Number.POSITIVE_INFINITY;
      lock.signal.addEventListener('abort', () => (abortedMs = test.runMs()));
      await test.pass(shortMs + 1);
      assert.ok(
        abortedMs <= sentMs + shortMs + (test.clock ? 0 : machineMarginMs),
        `aborted after ${abortedMs - sentMs} ms`,
      );
      assert.ok(hung.log.includes('extend'));
    },
  }),
  {
    id: 'held/blocked-loop-is-noticed-at-once',
    title: 'after the event loop was blocked past the deadline, assertHeld throws before any timer had a chance to run',
    async run(test) {
      const { shortMs } = test;
      const lock = await test.manager({ ttlMs: shortMs }).acquire(randomKey());
      lock.assertHeld();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, shortMs + 50);
      assert.equal(lock.signal.aborted, false, 'no timer has run yet');
      assert.equal(lock.held, false);
      assert.throws(() => lock.assertHeld(), isLost);
      await until(() => lock.signal.aborted, { what: 'the signal' });
    },
  },
  {
    id: 'held/forced-release-aborts-the-holder',
    title: 'a forced release from elsewhere aborts the holder’s signal within its ttl; its release then finds nothing',
    async run(test) {
      const key = randomKey();
      const ttlMs = 1_000;
      const lock = await test.manager({ ttlMs }).acquire(key);
      const forced = await test.manager({ store: await test.peer() }).forceRelease(key);
      assert.ok(forced.fencingToken > lock.fencingToken);
      await until(() => lock.signal.aborted, { timeoutMs: ttlMs + machineMs, what: 'the signal to abort' });
      assert.ok(isLost(lock.signal.reason));
      assert.throws(() => lock.assertHeld(), isLost);
      assert.equal((await lock.release()).released, false);
    },
  },
  {
    id: 'held/with-lock-always-releases',
    title: 'withLock releases after a result and after an exception, which it passes on',
    async run(test) {
      const key = randomKey();
      const locks = test.manager();
      assert.equal(await locks.withLock(key, (lock) => lock.fencingToken > 0), true);
      const boom = new Error('boom');
      const throws = (): never => {
        throw boom;
      };
      await assert.rejects(locks.withLock(key, throws), (error) => error === boom);
      await assertHolders(test.store, joinKey(managerName, key), []);
    },
  },
  {
    id: 'held/close-frees-everything',
    title: 'closing a manager releases what it holds and rejects its waiters',
    async run(test) {
      const keys = [randomKey(), randomKey()] as const;
      const locks = test.manager();
      const other = test.manager({ store: await test.peer() });
      await locks.acquire(keys[0]);
      const theirs = await other.acquire(keys[1]);
      const waiting = assert.rejects(locks.acquire(keys[1], { waitMs: 30_000 }), { code: 'HEADGATE_CLOSED' });
      await sleep(50);
      await locks.close();
      await waiting;
      assert.equal((await other.tryAcquire(keys[0])).acquired, true);
      await theirs.release();
      assert.equal((await other.tryAcquire(keys[1])).acquired, true);
    },
  },
  {
    id: 'held/bad-input-reaches-no-store',
    title: 'bad keys, ttls, permits and metadata are refused with a clear error before any store call',
    async run(test) {
      const observed = observe(test.store);
      const locks = test.manager({ store: observed.store });
      const invalid = (error: unknown): boolean => error instanceof InvalidArgumentError;
      for (const key of ['', 'x'.repeat(4097), '\ud800', 1, null, undefined, {}]) {
        await assert.rejects(locks.acquire(key as string), invalid, `key ${String(key).slice(0, 20)}`);
        await assert.rejects(locks.tryAcquire(key as string), invalid);
        await assert.rejects(async () => locks.inspect(key as string), invalid);
        await assert.rejects(async () => locks.forceRelease(key as string), invalid);
      }
      const options = [
        { ttlMs: 0 },
        { ttlMs: -1 },
        { ttlMs: 1.5 },
        { ttlMs: Number.NaN },
        { ttlMs: Infinity },
        { ttlMs: 2 ** 53 },
        { waitMs: -1 },
        { permits: 3 },
        { mode: 'permit', permits: 0 },
        { mode: 'other' },
        { metadata: { a: 1 } },
        { metadata: { a: 'x'.repeat(4000) } },
      ];
      for (const option of options) {
        await assert.rejects(locks.acquire(randomKey(), option as never), invalid, JSON.stringify(option));
      }
      assert.deepEqual(observed.log, []);
    },
  },
];

/**
 * Holds a lock for five ttls while somebody else asks for it. `false` when it was lost and the machine had stood still for long: it keeps
 * no lock that cannot be renewed in time.
 */
async function outlivesItsTtl(test: LockTest): Promise<boolean> {
  const key = randomKey();
  const { shortMs } = test;
  const stoodStillMs = (): number => test.nowMs() - test.runMs();
  const stoodStillBeforeMs = stoodStillMs();
  const lock = await test.manager({ ttlMs: shortMs }).acquire(key);
  const other = test.manager({ store: await test.peer() });
  const untilMs = test.nowMs() + 5 * shortMs;
  while (test.nowMs() < untilMs) {
    await test.pass(shortMs / 4);
    const { acquired } = await other.tryAcquire(key);
    if ((acquired || !lock.held) && stoodStillMs() - stoodStillBeforeMs > shortMs / 4) return false;
    assert.equal(acquired, false);
    lock.assertHeld();
  }
  assert.equal((await other.inspect(key))?.holders[0]?.fencingToken, lock.fencingToken);
  assert.deepEqual(await lock.release(), { released: true });
  assert.equal((await other.tryAcquire(key)).acquired, true);
  return true;
}

/** How late a signal may come on a busy machine, milliseconds. */
const machineMs = 500;
