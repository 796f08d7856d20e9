import type { Clock, LockStore } from '@headgate/core';
import type { HolderProgram } from '../process/holder.js';

/** What `createStore` is asked for. */
export interface LockStoreRequest {
  /** `moved`: a store that lives by a manual clock, if there can be one; then the fixture carries the clock. `real`: any other. */
  readonly time: 'real' | 'moved';
}

/** A lock store under test and what the suite may do to it. Everything but `store` is optional: more hooks, more properties. */
export interface LockFixture {
  readonly store: LockStore;
  /** Opens another store on the same data, as a second process would; the suite closes it. Default: `store` itself, right only where data live in one process. */
  openPeer?(): LockStore | Promise<LockStore>;
  /** The clock the store decides by, when moved time was asked for and can be had. Without it time is waited for. */
  readonly clock?: MovableLockClock;
  /** A program that opens a store on the same data and hands it to `serveLockStore`; the suite starts several, and kills and freezes them. */
  readonly program?: HolderProgram;
  /** Undoes `createStore`; default: closes the store. */
  close?(): Promise<void>;
}

/** A clock that tests move, timers included; core's `createManualClock()` is one. */
export interface MovableLockClock extends Clock {
  /** Moves forward by `ms` and runs the timers that fall due. */
  advance(ms: number): Promise<void> | void;
}
