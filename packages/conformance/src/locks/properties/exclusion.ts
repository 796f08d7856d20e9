import assert from 'node:assert/strict';
import { createFencedRegister, FencedError } from '@headgate/core';
import type { Lock } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { sleep } from '../../suite/deadline.js';
import { checkLockHistory } from '../history/check.js';
import { LockRecorder } from '../history/recorder.js';
import type { LockProperty } from './claim.js';

/** Whatever happens, one at a time; and where time runs out, the token keeps the late ones from harm. */
export const exclusionProperties: readonly LockProperty[] = [
  {
    id: 'exclusion/no-update-is-lost',
    title:
      'tasks of four instances that read, pause and write a counter under the lock lose no update, and their history has no breach',
    timeoutMs: 60_000,
    async run(test) {
      const key = randomKey();
      const rounds = test.store.capabilities.wake === 'notify' ? 12 : 3;
      const recorders: LockRecorder[] = [];
      let counter = 0;
      let inside = 0;
      let done = 0;
      const stores = [test.store, await test.peer(), await test.peer(), await test.peer()];
      await Promise.all(
        stores.flatMap((store, process) => {
          const locks = test.manager({ store });
          return Array.from({ length: 4 }, async (_, task) => {
            const recorder = new LockRecorder(`${process}.${task}`, locks);
            recorders.push(recorder);
            for (let round = 0; round < rounds; round++) {
              const lock = await recorder.acquire(key, { waitMs: 50_000 });
              assert.ok(lock, 'not served in 50 s');
              assert.equal(++inside, 1, 'two are inside');
              const read = counter;
              await sleep(Math.random() * 2);
              lock.assertHeld();
              counter = read + 1;
              done += 1;
              inside -= 1;
              await recorder.release(lock);
            }
          });
        }),
      );
      assert.equal(counter, done, 'updates were lost');
      assert.deepEqual(checkLockHistory(recorders.flatMap((recorder) => recorder.history)), []);
    },
  },
  {
    id: 'exclusion/readers-and-writers-keep-apart',
    title: 'in a storm of readers and writers no writer is inside with anybody else',
    timeoutMs: 60_000,
    unless: ({ store }) => (store.capabilities.shared ? undefined : 'the store has no shared leases'),
    async run(test) {
      const key = randomKey();
      const rounds = test.store.capabilities.wake === 'notify' ? 10 : 2;
      let readers = 0;
      let writers = 0;
      const stores = [test.store, await test.peer()];
      await Promise.all(
        stores.flatMap((store) => {
          const locks = test.manager({ store });
          return Array.from({ length: 6 }, async (_, task) => {
            for (let round = 0; round < rounds; round++) {
              const mode = task % 3 === 0 ? 'exclusive' : 'shared';
              const lock = await locks.acquire(key, { mode, waitMs: 50_000 });
              if (mode === 'exclusive') writers += 1;
              else readers += 1;
              assert.ok(
                writers <= 1 && (writers === 0 || readers === 0),
                `${writers} writers beside ${readers} readers`,
              );
              await sleep(Math.random() * 3);
              if (mode === 'exclusive') writers -= 1;
              else readers -= 1;
              await lock.release();
            }
          });
        }),
      );
      // Keeping apart is no proof by itself: two readers, one after the other, must both get in.
      const inside: Lock[] = [];
      for (const store of stores) {
        inside.push(await test.manager({ store }).acquire(key, { mode: 'shared', waitMs: 10_000 }));
      }
      for (const lock of inside) lock.assertHeld();
      await Promise.all(inside.map((lock) => lock.release()));
    },
  },
  {
    id: 'exclusion/late-writers-are-fenced',
    title: 'where work takes as long as the ttl and nobody renews, no late write gets past the fenced register',
    timeoutMs: 60_000,
    async run(test) {
      const key = randomKey();
      const ttlMs = 100;
      const stores = [test.store, await test.peer(), await test.peer()];
      const register = createFencedRegister({ locks: test.manager() });
      const untilMs = performance.now() + 2_000;
      const latestMs = untilMs + 20_000;
      const recorders: LockRecorder[] = [];
      const accepted: number[] = [];
      const goesOn = (): boolean =>
        performance.now() < untilMs || (accepted.length <= 3 && performance.now() < latestMs);
      await Promise.all(
        stores.flatMap((store, process) => {
          const locks = test.manager({ store, ttlMs, renew: false });
          return Array.from({ length: 2 }, async (_, task) => {
            const recorder = new LockRecorder(`${process}.${task}`, locks, { renewed: false });
            recorders.push(recorder);
            while (goesOn()) {
              const lock = await recorder.acquire(key, { waitMs: 30_000 });
              assert.ok(lock, 'not served in 30 s');
              await sleep(ttlMs * (0.2 + Math.random()));
              // The bare token, as a resource elsewhere would get it: it knows nothing of this process's deadline.
              const { fencingToken } = lock;
              await recorder.write(lock, () =>
                register.write({ key, fencingToken }, () => void accepted.push(fencingToken)),
              );
              await recorder.release(lock);
            }
          });
        }),
      );
      assert.ok(accepted.length > 3, 'hardly anything was written');
      assert.deepEqual(
        accepted,
        [...accepted].sort((one, other) => one - other),
        'a write went back in tokens',
      );
      const history = recorders.flatMap((recorder) => recorder.history);
      // The register goes by who holds now, so it may fence a lease that ended with nobody after it.
      const breaches = checkLockHistory(history, { slackMs: test.store.capabilities.expirySlackMs(ttlMs) + 1_000 });
      assert.deepEqual(
        breaches.filter((breach) => breach.rule !== 'write-refused'),
        [],
      );
    },
  },
  {
    id: 'exclusion/register-refuses-stale-and-invented-tokens',
    title: 'a fenced register takes the holder’s token, and refuses an older one and one that was never issued',
    async run(test) {
      const key = randomKey();
      const locks = test.manager();
      const register = createFencedRegister({ locks });
      const writes: number[] = [];
      const write = (fencingToken: number): Promise<number> =>
        register.write({ key, fencingToken }, () => writes.push(fencingToken));
      const refusedAs = (reason: string) => (error: unknown) => error instanceof FencedError && error.reason === reason;
      const first = await locks.acquire(key);
      await write(first.fencingToken);
      await assert.rejects(write(first.fencingToken + 1_000_000_000), refusedAs('unissued'));
      await first.release();
      const second = await test.manager({ store: await test.peer() }).acquire(key);
      await assert.rejects(write(first.fencingToken), refusedAs('stale'));
      await write(second.fencingToken);
      assert.deepEqual(writes, [first.fencingToken, second.fencingToken]);
    },
  },
];
