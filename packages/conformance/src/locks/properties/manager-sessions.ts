import assert from 'node:assert/strict';
import { LockLostError } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { collect } from '../leases.js';
import { until } from '../until.js';
import type { LockProperty } from './claim.js';

/** Sessions as an application sees them. */
export const managerSessionProperties: readonly LockProperty[] = [
  {
    id: 'sessions/released-from-elsewhere-aborts-its-locks',
    title:
      'a session released from another instance frees its keys and aborts its locks’ signals, and those of no other session',
    async run(test) {
      const id = randomKey('worker');
      // Long enough that no busy machine loses the locks that are to stay.
      const ttlMs = 2_000;
      const holder = test.manager({ ttlMs });
      const operator = test.manager({ store: await test.peer() });
      const keys = [randomKey('a'), randomKey('b')] as const;
      const session = holder.session(id, { metadata: { host: 'h' } });
      const locks = [await session.acquire(keys[0]), await session.acquire(keys[1])];
      const other = await holder.session(randomKey('other')).acquire(randomKey());
      const plain = await holder.acquire(randomKey());
      const { released, pending } = await operator.releaseSession(id);
      assert.deepEqual([...released, ...pending].sort(), [...keys].sort());
      for (const lock of locks) {
        await until(() => lock.signal.aborted, { timeoutMs: ttlMs + 800, what: `${lock.key} to be lost` });
        assert.ok(lock.signal.reason instanceof LockLostError);
      }
      for (const key of keys)
        await until(async () => (await operator.inspect(key)) === null, { what: `${key} to be free` });
      for (const lock of [other, plain]) {
        lock.assertHeld();
        await lock.extend();
      }
    },
  },
  {
    id: 'sessions/disposal-releases-all',
    title: 'a session’s releaseAll frees what it holds in every instance; listing shows it before and not after',
    async run(test) {
      const id = randomKey('worker');
      const first = test.manager({ ttlMs: 2_000 }).session(id);
      const elsewhere = test.manager({ store: await test.peer(), ttlMs: 2_000 }).session(id);
      const keys = [randomKey('a'), randomKey('b')] as const;
      const own = await first.acquire(keys[0]);
      await elsewhere.acquire(keys[1]);
      const listed = (await collect(first.list())).map((state) => state.key);
      assert.deepEqual(listed.sort(), [...keys].sort());
      await first.releaseAll();
      const none = async (): Promise<boolean> => (await collect(elsewhere.list())).length === 0;
      await until(none, { what: 'the session to hold nothing' });
      await until(() => own.signal.aborted || !own.held, { what: 'the lock to be over' });
    },
  },
  {
    id: 'sessions/release-races-acquires',
    title: 'while a session is released again and again, whatever it believes to hold it does hold',
    timeoutMs: 30_000,
    async run(test) {
      const id = randomKey('worker');
      const worker = test.manager({ ttlMs: 5_000 }).session(id);
      const operator = test.manager({ store: await test.peer() });
      const untilMs = performance.now() + 1_500;
      const release = async (): Promise<void> => {
        while (performance.now() < untilMs) await operator.releaseSession(id);
      };
      const work = async (task: number): Promise<void> => {
        for (let round = 0; performance.now() < untilMs; round++)
          await (await worker.acquire(randomKey(`${task}-${round}`))).release();
      };
      await Promise.all([release(), work(0), work(1), work(2)]);
      const lock = await worker.acquire(randomKey());
      lock.assertHeld();
      assert.equal((await operator.inspect(lock.key))?.holders[0]?.fencingToken, lock.fencingToken);
      await lock.release();
    },
  },
];
