import type { Locks, LocksOptions, LockStore, OptionNames } from '@headgate/core';
import { createLocks } from '@headgate/core';
import { type Holder, startHolder } from '../process/holder.js';
import { checkFixture } from '../suite/check-fixture.js';
import { sleep } from '../suite/deadline.js';
import { RunClock } from '../suite/run-clock.js';
import type { Faults } from '../suite/faults.js';
import type { Medium } from '../suite/medium.js';
import type { LockFixture, LockStoreRequest, MovableLockClock } from './fixture.js';

/** What a lock property works with: a store of its own and the means to act on it. Everything it opens is closed after the property. */
export interface LockTest {
  readonly store: LockStore;
  readonly fixture: LockFixture;
  readonly seed: number;
  readonly faults: Faults;
  readonly medium: Medium;
  /** Present when time is moved. */
  readonly clock: MovableLockClock | undefined;
  /** A ttl that is soon over, milliseconds. */
  readonly shortMs: number;
  /** The same test in moved time, on another store, where there is such a store; else itself. */
  moved(): Promise<LockTest>;
  /** Another store on the same data. */
  peer(): Promise<LockStore>;
  /** A lock manager over `store`, of the same name in every call unless told otherwise: managers stand for processes. Polls are quick where waiting is polling. */
  manager(options?: Partial<LocksOptions>): Locks;
  /** Starts the fixture's program in a process of its own. */
  holder(): Promise<Holder>;
  /** Lets `ms` pass. */
  pass(ms: number): Promise<void>;
  /** Lets an abandoned lease of `ttlMs` that was last extended by now certainly end. */
  outlive(ttlMs: number): Promise<void>;
  /** Milliseconds of the clock that `pass` moves, for measuring. */
  nowMs(): number;
  /** The same for upper bounds: in real time it stands still while the machine keeps this process from running. */
  runMs(): number;
}

/** What every {@link LockTest} of a suite shares. */
export interface LockTestOptions {
  readonly createStore: (request: LockStoreRequest) => LockFixture | Promise<LockFixture>;
  readonly seed: number;
  readonly faults: Faults;
  readonly medium: Medium;
}

/** A {@link LockTest} and how to end everything it came to use. */
export interface OpenedLockTest {
  readonly test: LockTest;
  close(): Promise<void>;
}

/** Name of every manager that {@link LockTest.manager} makes; keys in the store begin with it and a colon. */
export const managerName = 'suite';

/** How late this machine may be when it is busy, milliseconds; added to upper bounds in real time only, which are taken by `runMs`. */
export const machineMarginMs = 300;

const fixtureParts: OptionNames<LockFixture> = { store: 0, openPeer: 0, clock: 0, program: 0, close: 0 };

/** Opens a store for one property. */
export async function openLockTest(
  options: LockTestOptions,
  request: LockStoreRequest = { time: 'real' },
): Promise<OpenedLockTest> {
  const fixture = await options.createStore(request);
  checkFixture(fixture, fixtureParts);
  const { store, clock } = fixture;
  const peers: LockStore[] = [];
  const managers: Locks[] = [];
  const holders: Holder[] = [];
  let inMovedTime: OpenedLockTest | undefined;
  const runClock = new RunClock();

  const pass = async (ms: number): Promise<void> => {
    if (clock) await clock.advance(ms);
    else await sleep(ms);
  };
  const test: LockTest = {
    store,
    fixture,
    seed: options.seed,
    faults: options.faults,
    medium: options.medium,
    clock,
    shortMs: clock ? 10_000 : 400,
    async moved() {
      if (clock) return test;
      inMovedTime ??= await openLockTest(options, { time: 'moved' });
      return inMovedTime.test.clock ? inMovedTime.test : test;
    },
    async peer() {
      if (!fixture.openPeer) return store;
      const peer = await fixture.openPeer();
      if (peer !== store) peers.push(peer);
      return peer;
    },
    manager(overrides = {}) {
      const pollMs = store.capabilities.wake === 'poll' ? 100 : undefined;
      const manager = createLocks({ name: managerName, store, ttlMs: 30_000, pollMs, clock, ...overrides });
      managers.push(manager);
      return manager;
    },
    async holder() {
      if (!fixture.program) throw new Error('The property started a holder without checking that there is a program');
      const holder = await startHolder(fixture.program);
      holders.push(holder);
      return holder;
    },
    pass,
    // In real time a little more, since timers of different clocks round differently.
    outlive: (ttlMs) => pass(ttlMs + store.capabilities.expirySlackMs(ttlMs) + (clock ? 0 : 25)),
    nowMs: () => (clock ? clock.monotonicMs() : performance.now()),
    runMs: () => (clock ? clock.monotonicMs() : runClock.nowMs()),
  };
  return {
    test,
    async close() {
      runClock.stop();
      await inMovedTime?.close();
      await Promise.all(holders.map((holder) => holder.kill()));
      await Promise.all(managers.map((manager) => manager.close()));
      await Promise.all(peers.map((peer) => peer.close()));
      await (fixture.close ? fixture.close() : store.close());
    },
  };
}
