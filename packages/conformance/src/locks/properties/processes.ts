import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFencedRegister, FencedError } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { sleep } from '../../suite/deadline.js';
import { cannotHave } from '../../suite/medium.js';
import { checkLockHistory } from '../history/check.js';
import type { LockOperation } from '../history/operation.js';
import { machineMarginMs } from '../lock-test.js';
import type { HolderAwakening, HolderGrant } from '../serve-lock-store.js';
import { allUnless, type LockProperty } from './claim.js';

const processCount = 4;

/** Processes that are killed, frozen or lied to by their clock. */
export const processProperties: readonly LockProperty[] = allUnless(
  ({ fixture, medium }) =>
    fixture.program
      ? undefined
      : (cannotHave(medium, ['program']) ?? 'the fixture gives no program to run in other processes'),
  [
    {
      id: 'processes/killed-holder-frees-its-key',
      title: 'the key of a process that was killed passes to a waiter within ttl and slack, with a higher token',
      timeoutMs: 60_000,
      async run(test) {
        const key = randomKey();
        // Long enough that no busy machine keeps the other process, whose troubles are not seen here, from renewing in time.
        const ttlMs = 2_000;
        const holder = await test.holder();
        const theirs = (await holder.call('acquire', key, { ttlMs })) as HolderGrant;
        const locks = test.manager();
        // Longer than the ttl, so that it is the renewals which keep others out.
        await sleep(1.5 * ttlMs);
        assert.equal((await locks.tryAcquire(key)).acquired, false, 'a living holder keeps its key');
        const waiting = locks.acquire(key, { waitMs: 40_000 });
        await sleep(50);
        const killedMs = test.runMs();
        await holder.kill();
        const lock = await waiting;
        const tookMs = test.runMs() - killedMs;
        const latestMs = ttlMs + test.store.capabilities.expirySlackMs(ttlMs) + 1_000 + machineMarginMs;
        assert.ok(tookMs <= latestMs, `freed ${tookMs} ms after the kill`);
        assert.ok(lock.fencingToken > (theirs.fencingToken ?? Infinity), 'the token rises over the kill');
        await lock.release();
      },
    },
    {
      id: 'processes/frozen-holder-learns-that-it-lost',
      title: 'a process frozen past its ttl finds its lock lost in its first step, and its token refused',
      timeoutMs: 60_000,
      async run(test) {
        const key = randomKey();
        const ttlMs = 1_000;
        const holder = await test.holder();
        const theirs = (await holder.call('acquire', key, { ttlMs })) as HolderGrant;
        const awakening = holder.call('awakening', key, ttlMs) as Promise<HolderAwakening>;
        const stale = { key, fencingToken: theirs.fencingToken ?? 0 };
        const locks = test.manager();
        const register = createFencedRegister({ locks });
        await register.write(stale, () => {});
        await sleep(50);
        holder.pause();
        const pausedMs = performance.now();
        try {
          const lock = await locks.acquire(key, { waitMs: 40_000 });
          await register.write({ key, fencingToken: lock.fencingToken }, () => {});
          await sleep(Math.max(0, pausedMs + ttlMs + 50 - performance.now()));
        } finally {
          holder.resume();
        }
        const saw = await awakening;
        assert.equal(saw.held, false, `held is true after ${saw.awayMs} ms`);
        assert.equal(saw.threw, true, 'assertHeld did not throw');
        assert.equal(saw.aborted, true, 'the signal had not aborted one turn later');
        await assert.rejects(
          register.write(stale, () => assert.fail('a stale write went through')),
          FencedError,
        );
        assert.equal(await holder.call('release', key), false, 'the woken holder released what was not its own');
        assert.equal((await locks.tryAcquire(key)).acquired, false, 'the next holder still holds');
      },
    },
    {
      id: 'processes/count-in-a-file',
      title: 'processes that add to a number in a file under the lock lose no update, and their history has no breach',
      timeoutMs: 90_000,
      async run(test) {
        const key = randomKey();
        const rounds = test.store.capabilities.wake === 'notify' ? 25 : 4;
        const folder = await mkdtemp(join(tmpdir(), 'headgate-'));
        try {
          const file = join(folder, 'count');
          await writeFile(file, '0');
          const holders = await Promise.all(Array.from({ length: processCount }, () => test.holder()));
          // Two tasks in each process: some grants are passed on inside it.
          const tasks = [...holders, ...holders].map((holder, index) =>
            holder.call('count', { key, file, rounds, client: `${holder.pid}.${index}` }),
          );
          const histories = (await Promise.all(tasks)) as LockOperation[][];
          assert.equal(Number(await readFile(file, 'utf8')), 2 * processCount * rounds, 'updates were lost');
          assert.deepEqual(checkLockHistory(histories.flat()), []);
        } finally {
          await rm(folder, { recursive: true });
        }
      },
    },
    {
      id: 'processes/wrong-clock-takes-nothing-early',
      title:
        'processes whose wall clock is five minutes ahead or behind take no lock from its holder, and get it when it is free',
      timeoutMs: 60_000,
      async run(test) {
        for (const ms of [5 * 60_000, -5 * 60_000]) {
          const key = randomKey();
          const holder = await test.holder();
          await holder.call('skew', ms);
          const lock = await test.manager({ ttlMs: 2_000 }).acquire(key);
          for (let attempt = 0; attempt < 5; attempt++) {
            const theirs = (await holder.call('acquire', key, { ttlMs: 2_000, waitMs: 0 })) as HolderGrant;
            assert.equal(theirs.acquired, false, `a clock ${ms} ms off took the lock`);
            await sleep(100);
          }
          lock.assertHeld();
          await lock.release();
          const after = (await holder.call('acquire', key, { ttlMs: 2_000, waitMs: 10_000 })) as HolderGrant;
          assert.ok((after.fencingToken ?? 0) > lock.fencingToken, 'the token rises although the clock is wrong');
          assert.equal((await test.manager().tryAcquire(key)).acquired, false, 'its lock keeps others out');
          assert.equal(await holder.call('release', key), true);
        }
      },
    },
    {
      id: 'processes/session-is-released-from-outside',
      title: 'a session held in several processes is released from another, and what is held without it stays',
      timeoutMs: 60_000,
      async run(test) {
        const sessionId = randomKey('worker');
        const keys = [randomKey('a'), randomKey('b'), randomKey('c')] as const;
        const [one, two] = [await test.holder(), await test.holder()];
        await one.call('acquire', keys[0], { ttlMs: 2_000, sessionId });
        await two.call('acquire', keys[1], { ttlMs: 2_000, sessionId });
        await two.call('acquire', keys[2], { ttlMs: 2_000 });
        const locks = test.manager();
        const { released, pending } = await locks.releaseSession(sessionId);
        assert.deepEqual([...released, ...pending].sort(), [keys[0], keys[1]].sort());
        for (const key of [keys[0], keys[1]]) await (await locks.acquire(key, { waitMs: 5_000 })).release();
        assert.equal((await locks.tryAcquire(keys[2])).acquired, false, 'another lock of the process was freed too');
        assert.equal(await one.call('release', keys[0]), false);
        assert.equal(await two.call('release', keys[2]), true);
      },
    },
  ],
);
