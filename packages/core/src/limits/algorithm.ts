import type { Limit } from './limit.js';

/**
 * State of one limit: safe integers whose meaning the algorithm's file gives. Never mutated; a fresh state is the state
 * of a key that was never charged.
 */
export type LimitState = readonly number[];

/**
 * One limiting algorithm as pure functions on integers: no clock, no randomness, no I/O. These *are* the definition;
 * stores either call them or run a port that the conformance suite holds to them, answer by answer.
 * Every function but `advance` takes a state that was advanced to `nowUs`.
 */
export interface Algorithm<L extends Limit> {
  /** The state of a key that was never charged. */
  fresh(limit: L, nowUs: number): LimitState;
  /** The state at `nowUs` (never before the state's own time): refilled, rolled over or pruned. */
  advance(limit: L, state: LimitState, nowUs: number): LimitState;
  /** Whether the state equals a fresh one. */
  isFresh(limit: L, state: LimitState): boolean;
  /** What is spent of the limit, whole units of cost, rounded up; above `limit` when in debt. */
  used(limit: L, state: LimitState, nowUs: number): number;
  /** Takes `cost`, which may lead into debt but never deeper than one whole limit (`used` stays at most twice the limit). */
  charge(limit: L, state: LimitState, cost: number, nowUs: number): LimitState;
  /** Gives back up to `cost` of what was charged at `atUs`; never above fresh and never into a window that does not hold `atUs`. */
  refund(limit: L, state: LimitState, cost: number, atUs: number, nowUs: number): LimitState;
  /** Earliest instant at which `cost` (1 to `limit`) is admitted if nobody else calls; `nowUs` when it is now. */
  admitAtUs(limit: L, state: LimitState, cost: number, nowUs: number): number;
  /** Earliest instant at which the state equals a fresh one if nobody else calls; `nowUs` when it does now. */
  freshAtUs(limit: L, state: LimitState, nowUs: number): number;
}
