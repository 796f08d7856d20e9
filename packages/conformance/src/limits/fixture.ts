import type { LimiterStore } from '@headgate/core';
import type { HolderProgram } from '../process/holder.js';

/** A store under test and what the suite may do to it. Everything but `store` is optional: more hooks, more properties. */
export interface LimiterFixture {
  readonly store: LimiterStore;
  /** Opens another store on the same data, as a second process would; the suite closes it. */
  openPeer?(): LimiterStore | Promise<LimiterStore>;
  /** The clock the store decides by, when it can be moved. Without it time is waited for. */
  readonly clock?: MovableClock;
  /** Every physical record of this store as it lies there now, those of others left out. */
  records?(): Promise<readonly RawRecord[]>;
  /** How many physical records this store has now, for stores that can count them and not show them. */
  size?(): number | Promise<number>;
  /** Puts a record of an unknown format version where the store keeps `key`'s. */
  writeForeignRecord?(key: string): Promise<void>;
  /**
   * Makes every step on `key`, which the store does not know yet, fail with a StoreError, and no step on keys it knows. Needed only where
   * `writeForeignRecord`, which does as much, cannot be given.
   */
  failKey?(key: string): Promise<void>;
  /**
   * Makes tables or whatever the store needs; must be repeatable and safe from many processes at once. `'none'` says that the store needs
   * nothing of the kind.
   */
  readonly setup?: (() => Promise<void>) | 'none';
  /** A program that opens a store on the same data and hands it to `serveLimiterStore`; the suite starts several. */
  readonly program?: HolderProgram;
  /** Undoes `createStore`; default: closes the store. */
  close?(): Promise<void>;
}

/** A clock that tests move; `manualClock()` is one. */
export interface MovableClock {
  nowUs(): number;
  /** Moves forward by `ms`; decimals are microseconds. */
  advance(ms: number): void;
  /** Sets the wall clock, also backwards. */
  setWallUs(nowUs: number): void;
}

/** A record as it lies in the store. */
export interface RawRecord {
  /** The name it has there. */
  readonly id: string;
  /** Its content in any form that changes whenever it is written. */
  readonly content: string;
  /** Epoch milliseconds from which the store may remove it by itself; `undefined` when nothing ever will. */
  readonly expiresAtMs: number | undefined;
}
