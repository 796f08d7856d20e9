import { readFile, writeFile } from 'node:fs/promises';
import { type AcquireOptions, createLocks, type Lock, type LockStore } from '@headgate/core';
import { serveHolder } from '../process/serve.js';
import { sleep } from '../suite/deadline.js';
import type { LockOperation } from './history/operation.js';
import { LockRecorder } from './history/recorder.js';
import { managerName } from './lock-test.js';

/** What a holder program tells of a lock it took. */
export interface HolderGrant {
  readonly acquired: boolean;
  readonly fencingToken?: number;
  /** Who stood in the way. */
  readonly holders?: readonly string[];
}

/** What a holder program saw of a lock after it had been frozen. */
export interface HolderAwakening {
  /** How long it was away, milliseconds. */
  readonly awayMs: number;
  /** `lock.held` and whether `assertHeld` threw, in the first step after. */
  readonly held: boolean;
  readonly threw: boolean;
  /** Whether the signal had aborted one turn of the event loop later. */
  readonly aborted: boolean;
}

/** Options of {@link HolderMethods} that take a lock. */
export interface HolderAcquire extends Pick<AcquireOptions, 'ttlMs' | 'waitMs' | 'renew' | 'sessionId'> {
  readonly ttlMs: number;
}

/**
 * The body of a holder program for lock stores: serves `store` to the suite, which will freeze and kill this process, until the suite goes away.
 *
 * | method | what it does |
 * | --- | --- |
 * | `acquire(key, { ttlMs, waitMs, renew, sessionId })` | takes the lock and keeps it; a {@link HolderGrant} |
 * | `release(key)` | releases it; whether it was held |
 * | `awakening(key, frozenMs)` | resolves after this process was frozen for so long, with what it saw of the lock then; a {@link HolderAwakening} |
 * | `count({ key, file, rounds, client })` | adds 1 to the number in a file, `rounds` times, each under the lock; the history |
 * | `skew(ms)` | shifts this process's wall clock |
 */
export function serveLockStore(store: LockStore): void {
  const locks = createLocks({ name: managerName, store, ttlMs: 30_000 });
  const held = new Map<string, Lock>();
  const lockOf = (key: string): Lock => {
    const lock = held.get(key);
    if (!lock) throw new Error(`The program holds no lock of ${key}`);
    return lock;
  };

  serveHolder({
    acquire: async (key: string, options: HolderAcquire): Promise<HolderGrant> => {
      if (options.waitMs === 0) {
        const attempt = await locks.tryAcquire(key, options);
        if (!attempt.acquired) return { acquired: false, holders: attempt.holders.map((holder) => holder.leaseId) };
        held.set(key, attempt.lock);
      } else {
        held.set(key, await locks.acquire(key, options));
      }
      return { acquired: true, fencingToken: lockOf(key).fencingToken };
    },
    release: async (key: string): Promise<boolean> => (await lockOf(key).release()).released,
    awakening: async (key: string, frozenMs: number): Promise<HolderAwakening> => {
      const lock = lockOf(key);
      for (let last = performance.now(); ; ) {
        await sleep(10);
        const awayMs = performance.now() - last;
        last += awayMs;
        if (awayMs < frozenMs) continue;
        const { held: stillHeld } = lock;
        const threw = throws(() => lock.assertHeld());
        await sleep(0);
        return { awayMs, held: stillHeld, threw, aborted: lock.signal.aborted };
      }
    },
    count: async (task: {
      key: string;
      file: string;
      rounds: number;
      client: string;
    }): Promise<readonly LockOperation[]> => {
      const recorder = new LockRecorder(task.client, locks);
      for (let round = 0; round < task.rounds; round++) {
        const lock = await recorder.acquire(task.key, { waitMs: 60_000 });
        if (!lock) throw new Error('not served in 60 s');
        const count = Number(await readFile(task.file, 'utf8'));
        lock.assertHeld();
        await writeFile(task.file, String(count + 1));
        await recorder.release(lock);
      }
      return recorder.history;
    },
    skew: (ms: number): void => skewWallClock(ms),
  });
}

function throws(call: () => void): boolean {
  try {
    call();
    return false;
  } catch {
    return true;
  }
}

// Everything in this process that asks for the time of day gets it shifted; the monotonic clock stays.
function skewWallClock(ms: number): void {
  const RealDate = Date;
  class SkewedDate extends RealDate {
    constructor(...args: ConstructorParameters<typeof Date> | []) {
      if (args.length === 0) super(RealDate.now() + ms);
      else super(...args);
    }

    static override now(): number {
      return RealDate.now() + ms;
    }
  }
  globalThis.Date = SkewedDate as DateConstructor;
}
