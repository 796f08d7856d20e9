import type { LockStore } from '@headgate/core';
import type { MovableLockClock } from '../../../src/locks/fixture.js';

/** A store broken on purpose: what is wrong with it, the property that must say so, and the few lines that break a good one. */
export interface LockFault {
  readonly fault: string;
  readonly caughtBy: string;
  /** Whether random traces are held to catch it too; not where only time, text or several processes show it. */
  readonly traces?: boolean;
  /** What to do differently from `good`. `clock` is present in moved time. */
  breakStore(good: LockStore, clock: MovableLockClock | undefined): Partial<LockStore>;
}

/** `good` with some of its methods replaced. */
export function replaced(good: LockStore, changes: Partial<LockStore>): LockStore {
  const { name, clock, capabilities } = good;
  return {
    name,
    clock,
    capabilities,
    acquire: (...args) => good.acquire(...args),
    cancelWait: (...args) => good.cancelWait(...args),
    extend: (...args) => good.extend(...args),
    release: (...args) => good.release(...args),
    inspect: (...args) => good.inspect(...args),
    list: (...args) => good.list(...args),
    releaseSession: (...args) => good.releaseSession(...args),
    forceRelease: (...args) => good.forceRelease(...args),
    ...(good.acquireAll ? { acquireAll: (...args) => good.acquireAll!(...args) } : {}),
    ...(good.watch ? { watch: (...args) => good.watch!(...args) } : {}),
    close: () => good.close(),
    ...changes,
  };
}
