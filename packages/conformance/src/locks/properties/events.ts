import assert from 'node:assert/strict';
import { type AcquireEvent, type Hooks, type LeaseEndEvent, StoreError, type WaitersEvent } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { sleep } from '../../suite/deadline.js';
import { observe } from '../observed-store.js';
import { until } from '../until.js';
import type { LockProperty } from './claim.js';

/** Every path is counted once. */
export const eventProperties: readonly LockProperty[] = [
  {
    id: 'events/one-end-per-acquire',
    title: 'each acquire ends in exactly one event, each lease in one more, and the count of waiters returns to 0',
    async run(test) {
      const acquires: AcquireEvent[] = [];
      const ends: LeaseEndEvent[] = [];
      const waiters: WaitersEvent[] = [];
      const hooks: Hooks = {
        onAcquire: (event) => void acquires.push(event),
        onLeaseEnd: (event) => void ends.push(event),
        onWaiters: (event) => void waiters.push(event),
      };
      const key = randomKey();
      const other = test.manager({ store: await test.peer() });
      const locks = test.manager({ hooks, ttlMs: 1_000 });
      const last = (): AcquireEvent['outcome'] | undefined => acquires.at(-1)?.outcome;

      const lock = await locks.acquire(key);
      assert.equal(last(), 'acquired');
      await lock.release();
      assert.deepEqual(
        ends.map((end) => end.ended),
        ['released'],
      );

      const theirs = await other.acquire(key);
      await locks.tryAcquire(key);
      assert.equal(last(), 'busy');
      await assert.rejects(locks.acquire(key, { waitMs: 60 }));
      assert.equal(last(), 'timeout');
      const abort = new AbortController();
      const aborted = assert.rejects(locks.acquire(key, { signal: abort.signal }));
      await sleep(30);
      abort.abort();
      await aborted;
      assert.equal(last(), 'aborted');
      const waiting = locks.acquire(key, { waitMs: 15_000 });
      await sleep(30);
      await theirs.release();
      const waited = await waiting;
      assert.equal(last(), 'acquired');
      assert.equal(acquires.at(-1)?.contended, true);
      await other.forceRelease(key);
      await until(() => waited.signal.aborted, { timeoutMs: 2_000, what: 'the eviction to be noticed' });
      await until(() => ends.length === 2, { what: 'the end of the evicted lease' });

      const boom = new StoreError('no', { store: 'x', kind: 'connection' });
      const broken = observe(test.store, { acquire: () => Promise.reject(boom) });
      const failing = test.manager({ store: broken.store, hooks });
      await assert.rejects(failing.tryAcquire(key), (error) => error instanceof StoreError);
      assert.equal(last(), 'error');

      assert.deepEqual(
        acquires.map((event) => event.outcome),
        ['acquired', 'busy', 'timeout', 'aborted', 'acquired', 'error'],
      );
      assert.equal(ends.length, 2, 'one end per lease');
      assert.equal(
        waiters.reduce((sum, event) => sum + event.delta, 0),
        0,
        'waiters return to 0',
      );
    },
  },
];
