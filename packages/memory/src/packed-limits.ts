import { ceilMulDiv, floorMulDiv } from '@headgate/core';
import { BucketAnswer, packedAnswer } from './packed-answer.js';
import type {
  FixedWindowLimit,
  Limit,
  LimiterAnswerNow,
  LimitReading,
  SlidingLogLimit,
  SlidingWindowLimit,
  TokenBucketLimit,
} from '@headgate/core';

/** A limit whose state is a fixed number of integers. */
export type PackableLimit = Exclude<Limit, SlidingLogLimit>;

/** Where packed states are: the table's columns, or the array of one record that needs more of them. */
export type Columns = Float64Array | number[];

/**
 * A policy whose state is a fixed number of columns, with `decideStep` for the common case in small steps, without an array or a record in sight: `open` loads a
 * state into the object, the other methods ask and change what is loaded, `save` writes it back. So nothing else may be decided under the same policy between
 * `open` and the end of a decision. The columns are core's states; a differential test holds each algorithm to core's.
 * Fields that change begin as 0.5, for which the engine makes room for a number that is overwritten in place; after a small integer each write would allocate.
 */
export interface PackedState {
  readonly limits: readonly PackableLimit[];
  /** Columns of a state. */
  readonly width: number;
  /** Loads the state at `columns[at]`, as `lastUs` left it, and advances it to `atUs`. */
  open(columns: Columns, at: number, lastUs: number, atUs: number): void;
  /** Loads the state of a key that was never charged. */
  openFresh(atUs: number): void;
  /** Whole units that can be taken now. */
  remaining(): number;
  /** Whether `cost` can be taken now. */
  admits(cost: number): boolean;
  /** Earliest instant at which `cost` is admitted: `atUs` when it is now, `Infinity` when it never fits. */
  admitAtUs(cost: number, atUs: number): number;
  /** Instant from which the state equals a fresh one. */
  freshAtUs(atUs: number): number;
  /** Takes a cost that is admitted now. */
  charge(cost: number): void;
  save(columns: Columns, at: number): void;
  /** Index of the limit that refuses `cost` until `retryAtUs`. */
  violated(cost: number, atUs: number, retryAtUs: number): number;
  /** One reading per limit; left out for a single one. */
  readings(atUs: number): readonly LimitReading[] | undefined;
  /** The answer to whoever asked for `cost` units, and was charged `granted`, as of what is loaded now. */
  answer(allowed: boolean, cost: number, granted: number, nowUs: number, atUs: number): LimiterAnswerNow;
}

/** What limits that are a policy of their own have in common. */
abstract class PackedLimit<L extends PackableLimit> {
  readonly limits: readonly [L];
  readonly limit: number;

  constructor(limit: L) {
    this.limits = [limit];
    this.limit = limit.limit;
  }

  violated(): number {
    return 0;
  }

  readings(): undefined {
    return undefined;
  }
}

/** Core's `tokenBucketAlgorithm`; its one column is the level, as of the record's own time. */
export class PackedTokenBucket extends PackedLimit<TokenBucketLimit> implements PackedState {
  readonly width = 1;
  readonly unitsPerToken: number;
  readonly unitsPerUs: number;
  readonly full: number;
  level = 0.5;

  constructor(limit: TokenBucketLimit) {
    super(limit);
    this.unitsPerToken = limit.unitsPerToken;
    this.unitsPerUs = limit.unitsPerUs;
    this.full = limit.limit * limit.unitsPerToken;
  }

  open(columns: Columns, at: number, lastUs: number, atUs: number): void {
    const stored = columns[at] as number;
    // Rounding cannot deceive the comparison: a product beyond 2^53 rounds to at least 2^53, above any missing amount.
    const gained = (atUs - lastUs) * this.unitsPerUs;
    this.level = gained < this.full - stored ? stored + gained : this.full;
  }

  openFresh(): void {
    this.level = this.full;
  }

  remaining(level: number = this.level): number {
    return level > 0 ? Math.floor(level / this.unitsPerToken) : 0;
  }

  admits(cost: number): boolean {
    return cost * this.unitsPerToken <= this.level;
  }

  admitAtUs(cost: number, atUs: number, level: number = this.level): number {
    if (cost > this.limit) return Infinity;
    const missing = cost * this.unitsPerToken - level;
    return missing > 0 ? atUs + Math.ceil(missing / this.unitsPerUs) : atUs;
  }

  freshAtUs(atUs: number, level: number = this.level): number {
    return atUs + Math.ceil((this.full - level) / this.unitsPerUs);
  }

  answer(allowed: boolean, cost: number, granted: number, nowUs: number, atUs: number): LimiterAnswerNow {
    return new BucketAnswer(this, this.level, allowed, cost, granted, nowUs, atUs);
  }

  charge(cost: number): void {
    this.level -= cost * this.unitsPerToken;
  }

  save(columns: Columns, at: number): void {
    columns[at] = this.level;
  }
}

/** Core's `fixedWindowAlgorithm`; columns `count`, `startUs`. */
export class PackedFixedWindow extends PackedLimit<FixedWindowLimit> implements PackedState {
  readonly width = 2;
  readonly windowUs: number;
  count = 0.5;
  startUs = 0.5;

  constructor(limit: FixedWindowLimit) {
    super(limit);
    this.windowUs = limit.windowUs;
  }

  open(columns: Columns, at: number, _lastUs: number, atUs: number): void {
    const count = columns[at] as number;
    const startUs = columns[at + 1] as number;
    if (count === 0 || atUs >= startUs + this.windowUs) return this.openFresh(atUs);
    this.count = count;
    this.startUs = startUs;
  }

  openFresh(atUs: number): void {
    this.count = 0;
    this.startUs = this.limits[0].aligned ? atUs - (atUs % this.windowUs) : atUs;
  }

  remaining(): number {
    return Math.max(0, this.limit - this.count);
  }

  admits(cost: number): boolean {
    return cost <= this.limit - this.count;
  }

  admitAtUs(cost: number, atUs: number): number {
    if (cost > this.limit) return Infinity;
    return this.admits(cost) ? atUs : this.startUs + this.windowUs;
  }

  answer(allowed: boolean, cost: number, granted: number, nowUs: number, atUs: number): LimiterAnswerNow {
    return packedAnswer(this, allowed, cost, granted, nowUs, atUs);
  }

  freshAtUs(atUs: number): number {
    return this.count === 0 ? atUs : this.startUs + this.windowUs;
  }

  charge(cost: number): void {
    this.count += cost;
  }

  save(columns: Columns, at: number): void {
    columns[at] = this.count;
    columns[at + 1] = this.startUs;
  }
}

/** Core's `slidingWindowAlgorithm`; columns `previous`, `current`, `startUs`. */
export class PackedSlidingWindow extends PackedLimit<SlidingWindowLimit> implements PackedState {
  readonly width = 3;
  readonly windowUs: number;
  previous = 0.5;
  current = 0.5;
  startUs = 0.5;
  /** What the previous window still weighs, rounded up. */
  weight = 0.5;

  constructor(limit: SlidingWindowLimit) {
    super(limit);
    this.windowUs = limit.windowUs;
  }

  open(columns: Columns, at: number, _lastUs: number, atUs: number): void {
    const windowUs = this.windowUs;
    const startUs = columns[at + 2] as number;
    const isCurrent = atUs < startUs + windowUs;
    if (!isCurrent && atUs >= startUs + 2 * windowUs) return this.openFresh(atUs);
    this.previous = columns[isCurrent ? at : at + 1] as number;
    this.current = isCurrent ? (columns[at + 1] as number) : 0;
    this.startUs = isCurrent ? startUs : startUs + windowUs;
    this.weight = this.previous === 0 ? 0 : ceilMulDiv(this.previous, windowUs - (atUs - this.startUs), windowUs);
  }

  openFresh(atUs: number): void {
    this.previous = 0;
    this.current = 0;
    this.startUs = atUs - (atUs % this.windowUs);
    this.weight = 0;
  }

  remaining(): number {
    return Math.max(0, this.limit - this.weight - this.current);
  }

  admits(cost: number): boolean {
    return this.weight <= this.limit - this.current - cost;
  }

  admitAtUs(cost: number, atUs: number): number {
    if (cost > this.limit) return Infinity;
    if (this.admits(cost)) return atUs;
    const room = this.limit - this.current - cost;
    if (room >= 0) return this.startUs + this.#offsetForRoom(this.previous, room);
    return this.startUs + this.windowUs + this.#offsetForRoom(this.current, this.limit - cost);
  }

  answer(allowed: boolean, cost: number, granted: number, nowUs: number, atUs: number): LimiterAnswerNow {
    return packedAnswer(this, allowed, cost, granted, nowUs, atUs);
  }

  freshAtUs(atUs: number): number {
    if (this.current > 0) return this.startUs + 2 * this.windowUs;
    return this.previous > 0 ? this.startUs + this.windowUs : atUs;
  }

  charge(cost: number): void {
    this.current += cost;
  }

  save(columns: Columns, at: number): void {
    columns[at] = this.previous;
    columns[at + 1] = this.current;
    columns[at + 2] = this.startUs;
  }

  /** Earliest offset into a window at which a count of the window before weighs at most `room`. */
  #offsetForRoom(previous: number, room: number): number {
    return previous <= room ? 0 : this.windowUs - floorMulDiv(this.windowUs, room, previous);
  }
}
