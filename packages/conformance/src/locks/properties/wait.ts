import assert from 'node:assert/strict';
import { AcquireTimeoutError, joinKey } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { sleep } from '../../suite/deadline.js';
import { giveBack, request, take } from '../leases.js';
import { type LockTest, machineMarginMs, managerName } from '../lock-test.js';
import { observe } from '../observed-store.js';
import { until } from '../until.js';
import { inMovedTime, type LockProperty } from './claim.js';

// Nothing is held and nobody waits, as soon as what was sent last has arrived.
async function assertNothingLeft({ store }: LockTest, key: string): Promise<void> {
  const storeKey = joinKey(managerName, key);
  const asked = request(storeKey);
  // What was withdrawn may still be on its way out of the queue, or be granted for the moment before it is given back.
  await until(async () => (await store.acquire(asked)).acquired, { what: `${key} to be free` });
  await giveBack(store, await take(store, storeKey, asked));
}

/** Waiting ends in time, wakes in time and leaves nothing behind. */
export const waitProperties: readonly LockProperty[] = [
  inMovedTime({
    id: 'wait/times-out-when-it-says',
    title: 'a wait ends after its waitMs, not before and hardly after, and names the holder',
    async run(test) {
      const key = randomKey();
      const other = test.manager({ store: await test.peer() });
      const held = await test.manager().acquire(key, { metadata: { job: 'x' } });
      const waitMs = test.clock ? 5_000 : 300;
      const [startedMs, startedRunMs] = [test.nowMs(), test.runMs()];
      let [waitedMs, waitedRunMs] = [Number.NaN, Number.NaN];
      const waiting = other.acquire(key, { waitMs }).finally(() => {
        waitedMs = test.nowMs() - startedMs;
        waitedRunMs = test.runMs() - startedRunMs;
      });
      const outcome = assert.rejects(waiting, (error: unknown) => {
        assert.ok(error instanceof AcquireTimeoutError, String(error));
        assert.equal(error.waitMs, waitMs);
        assert.deepEqual(
          error.holders.map((holder) => holder.fencingToken),
          [held.fencingToken],
        );
        assert.deepEqual({ ...error.holders[0]?.metadata }, { job: 'x' });
        return true;
      });
      await test.pass(waitMs + 1);
      await outcome;
      const latestMs = waitMs + (test.clock ? 1 : machineMarginMs);
      assert.ok(waitedMs >= waitMs - 1 && waitedRunMs <= latestMs, `waited ${waitedMs} ms of ${waitMs}`);
      await held.release();
      await assertNothingLeft(test, key);
    },
  }),
  {
    id: 'wait/already-aborted-asks-nobody',
    title: 'an acquire whose signal has aborted rejects with its reason and makes no store call',
    async run({ store, manager }) {
      const observed = observe(store);
      const locks = manager({ store: observed.store });
      const reason = new Error('changed my mind');
      const signal = AbortSignal.abort(reason);
      for (const acquire of [
        () => locks.acquire(randomKey(), { signal }),
        () => locks.tryAcquire(randomKey(), { signal }),
      ]) {
        await assert.rejects(acquire, (error) => error === reason);
      }
      await sleep(20);
      assert.deepEqual(observed.log, []);
    },
  },
  {
    id: 'wait/abort-leaves-nothing',
    title: 'a wait that is aborted rejects at once with its reason, and leaves no waiter, no lease and no traffic',
    async run(test) {
      const key = randomKey();
      const observed = observe(await test.peer());
      const waiter = test.manager({ store: observed.store });
      const held = await test.manager().acquire(key);
      const abort = new AbortController();
      const reason = new Error('changed my mind');
      const waiting = waiter.acquire(key, { signal: abort.signal, waitMs: 60_000 });
      const outcome = assert.rejects(waiting, (error) => error === reason);
      await until(() => observed.calls > 0, { what: 'the first attempt' });
      await sleep(30);
      const abortedMs = test.runMs();
      abort.abort(reason);
      await outcome;
      assert.ok(test.runMs() - abortedMs < 20 + machineMarginMs, 'the abort was not at once');
      assert.deepEqual(waiter.local().waiting, []);
      const none = async (): Promise<boolean> =>
        ((await test.store.inspect(joinKey(managerName, key)))?.waiting ?? 0) === 0;
      await until(none, { what: 'the store to forget the waiter' });
      const { calls } = observed;
      await held.release();
      await assertNothingLeft(test, key);
      await sleep(300);
      assert.equal(observed.calls, calls, `store calls after the abort: ${observed.log.slice(calls).join(', ')}`);
    },
  },
  {
    id: 'wait/release-wakes-a-waiter',
    title: 'a release wakes a waiter of another instance without its asking again and again',
    async run(test) {
      const key = randomKey();
      const notified = test.store.capabilities.wake === 'notify';
      // So long a poll interval that only a notification can be the reason.
      const waiter = test.manager({ store: await test.peer(), ...(notified ? { pollMs: 8_000 } : {}) });
      const held = await test.manager({ passOn: { maxLeases: 1 } }).acquire(key);
      const waiting = waiter.acquire(key, { waitMs: 7_500 });
      await sleep(200);
      const releasedMs = test.runMs();
      await held.release();
      const lock = await waiting;
      const tookMs = test.runMs() - releasedMs;
      assert.ok(tookMs < 250 + machineMarginMs, `woken after ${tookMs} ms`);
      assert.ok(lock.fencingToken > held.fencingToken);
      await lock.release();
    },
  },
  {
    id: 'wait/expiry-wakes-a-waiter',
    title: 'a waiter gets the key soon after an abandoned lease ended',
    async run(test) {
      const key = randomKey();
      const ttlMs = test.shortMs;
      await take(await test.peer(), joinKey(managerName, key), { ttlMs });
      const startedMs = test.runMs();
      const lock = await test.manager().acquire(key, { waitMs: 15_000 });
      const tookMs = test.runMs() - startedMs;
      const latestMs = ttlMs + test.store.capabilities.expirySlackMs(ttlMs) + 1_000 + machineMarginMs;
      assert.ok(tookMs <= latestMs, `woken after ${tookMs} ms for a ttl of ${ttlMs} ms`);
      await lock.release();
    },
  },
  {
    id: 'wait/goes-on-without-notifications',
    title: 'a waiter whose notifications never come gets the key by asking again',
    async run(test) {
      const key = randomKey();
      const deaf = observe(await test.peer(), { watch: () => () => {} });
      const held = await test.manager({ passOn: { maxLeases: 1 } }).acquire(key);
      const waiting = test.manager({ store: deaf.store, pollMs: 200 }).acquire(key, { waitMs: 10_000 });
      await sleep(50);
      const releasedMs = test.runMs();
      await held.release();
      const lock = await waiting;
      assert.ok(test.runMs() - releasedMs < 450 + machineMarginMs, 'it took longer than two polls');
      await lock.release();
    },
  },
  {
    id: 'wait/abort-racing-the-grant',
    title: 'when an abort races a grant the caller has the lock or nobody has, in many random timings',
    timeoutMs: 60_000,
    async run(test) {
      const first = test.manager();
      const second = test.manager({ store: await test.peer() });
      const untilMs = performance.now() + 4_000;
      for (let round = 0; round < 200 && performance.now() < untilMs; round++) {
        const key = randomKey();
        const held = await first.acquire(key);
        const abort = new AbortController();
        const reason = new Error('too late');
        const waiting = second.acquire(key, { signal: abort.signal, waitMs: 20_000 });
        const spreadMs = round % 2 ? 3 : 12;
        const aborted = sleep(Math.random() * spreadMs).then(() => abort.abort(reason));
        const released = sleep(Math.random() * spreadMs).then(() => held.release());
        const outcome = await waiting.then(
          (lock) => lock,
          (error: unknown) => assert.equal(error, reason),
        );
        await Promise.all([aborted, released]);
        if (outcome) {
          outcome.assertHeld();
          await outcome.release();
        }
        await assertNothingLeft(test, key);
      }
    },
  },
  {
    id: 'wait/first-in-first-out-in-a-process',
    title: 'waiters of one manager get the key in the order in which they asked',
    async run({ manager }) {
      const locks = manager();
      const key = randomKey();
      const held = await locks.acquire(key);
      const order: number[] = [];
      const waiters = Array.from({ length: 12 }, (_, index) => locks.withLock(key, () => void order.push(index)));
      await sleep(50);
      await held.release();
      await Promise.all(waiters);
      assert.deepEqual(order, [...order.keys()]);
    },
  },
  {
    id: 'wait/nobody-starves',
    title: 'of twelve contenders in three instances each is served, and evenly where the store keeps a fair queue',
    timeoutMs: 30_000,
    async run(test) {
      const key = randomKey();
      const stores = [test.store, await test.peer(), await test.peer()];
      const served = new Array<number>(12).fill(0);
      const fair = test.store.capabilities.fairQueue;
      const untilMs = performance.now() + (fair ? 2_000 : 5_000);
      const total = (): number => served.reduce((sum, count) => sum + count, 0);
      // With fewer, one turn more or less for somebody would be uneven.
      const enoughTurns = fair ? 20 * served.length : 0;
      await Promise.all(
        stores.flatMap((store, process) => {
          const locks = test.manager({ store, ...(fair ? {} : { pollMs: 20 }) });
          return Array.from({ length: 4 }, async (_, task) => {
            const index = process * 4 + task;
            while (performance.now() < untilMs || total() < enoughTurns) {
              await locks.withLock(key, () => sleep(1), { waitMs: 20_000 });
              served[index] = (served[index] ?? 0) + 1;
            }
          });
        }),
      );
      assert.ok(Math.min(...served) > 0, `somebody was never served: ${served.join(' ')}`);
      const jain = total() ** 2 / (served.length * served.reduce((sum, count) => sum + count ** 2, 0));
      if (fair) assert.ok(jain >= 0.95, `Jain's index is ${jain.toFixed(3)}: ${served.join(' ')}`);
    },
  },
];
