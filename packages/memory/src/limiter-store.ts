import {
  checkKey,
  ClosedError,
  decideStep,
  Emitter,
  sameParameters,
  StoreError,
  StoreFullError,
  systemClock,
} from '@headgate/core';
import { BurstClock } from './burst-clock.js';
import { checkLimiterStoreOptions, checkMaxKeys, checkSweepIntervalMs, checkWhenFull } from './options.js';
import { packedDecide } from './packed-decide.js';
import { isPackable, RecordTable } from './record-table.js';
import { splitKey } from './spaces.js';
import type {
  Clock,
  ClockTimer,
  Limit,
  LimiterAnswer,
  LimiterAnswerNow,
  LimiterCapabilities,
  LimiterOp,
  LimiterRecord,
  LimiterResult,
  LimiterStep,
  LimiterStore,
  SlidingLogLimit,
  StepOutcome,
  StoreKeysEvent,
} from '@headgate/core';
import type { MemoryLimiterStoreOptions, WhenFull } from './options.js';
import type { AddSlot } from './packed-decide.js';
import type { Space } from './spaces.js';

/** Records a new key looks at before the table grows. Sooner would only remove keys that are about to be charged again. */
const looksBeforeGrowth = 16;
/** Records a charge to a full store looks at to find one that turned fresh: about two milliseconds at worst. */
const looksWhenFull = 4096;
/** Old keys a charge to a full store looks at to find one that is not blocked. */
const looksToEvict = 1000;
/** Records one turn of the clean-up looks at before it lets others run. */
const looksPerTurn = 10_000;

/** A limiter store in this process: what {@link memoryLimiterStore} returns. */
export interface MemoryLimiterStore extends LimiterStore {
  /** Keys with a record, those that turned fresh and await removal included. */
  readonly size: number;
  /**
   * Every record with its record key (limiter name, colon, key), for debugging and tests: those that turned fresh and await removal too.
   * Records are not to be changed. What is charged while it is read may be seen or missed.
   */
  records(): Iterable<readonly [recordKey: string, record: LimiterRecord]>;
  decide(steps: readonly LimiterStep[]): Promise<readonly LimiterResult[]>;
  decideNow(key: string, limits: readonly Limit[], op: LimiterOp): LimiterAnswerNow;
  decideNowFor(name: string): (key: string, limits: readonly Limit[], op: LimiterOp) => LimiterAnswerNow;
}

/**
 * A limiter store in this process's memory: for one process, for tests, and as the fallback of a shared store. Its `Map` is keyed by
 * the full record key, so several limiters can share one store.
 */
export function memoryLimiterStore(options: MemoryLimiterStoreOptions = {}): MemoryLimiterStore {
  return new Store(checkLimiterStoreOptions(options));
}

class Store implements MemoryLimiterStore {
  readonly name = 'memory';
  readonly clock = 'store';
  readonly capabilities: LimiterCapabilities;
  readonly #clock: Clock;
  /** What decisions on known packed records are dated by: the clock given, or the system's with a look at it shared within a burst. */
  readonly #dates: Pick<Clock, 'nowUs'>;
  readonly #table: RecordTable;
  readonly #whenFull: WhenFull;
  readonly #sweepIntervalMs: number;
  readonly #emitter: Emitter;
  readonly #addSlot: AddSlot;
  #timer: ClockTimer | undefined;
  #closed = false;

  constructor(options: MemoryLimiterStoreOptions) {
    this.#sweepIntervalMs = checkSweepIntervalMs(options.sweepIntervalMs);
    this.#whenFull = checkWhenFull(options.whenFull);
    this.#table = new RecordTable(checkMaxKeys(options.maxKeys));
    this.#clock = options.clock ?? systemClock;
    this.#dates = options.clock ?? new BurstClock();
    this.#emitter = new Emitter(options.hooks);
    this.#addSlot = (space, key, limit, nowUs, freshAtUs) => {
      const slot = this.#add(space, key, nowUs, freshAtUs);
      this.#table.held[slot] = limit;
      return slot;
    };
    this.capabilities = {
      maxSlidingLogLimit: 10_000,
      maxBatchSteps: 1000,
      maxStepOps: 1000,
      // A record's turn comes with the first clean-up after it turned fresh; a second interval covers a backlog.
      removalLagMs: 2 * this.#sweepIntervalMs,
    };
  }

  get size(): number {
    return this.#table.size;
  }

  records(): Iterable<readonly [recordKey: string, record: LimiterRecord]> {
    return this.#table.records();
  }

  decideNow(key: string, limits: readonly Limit[], op: LimiterOp): LimiterAnswerNow {
    return this.#within(key, (space, rest) => this.#decide(space, rest, limits, op, false));
  }

  decideNowFor(name: string): (key: string, limits: readonly Limit[], op: LimiterOp) => LimiterAnswerNow {
    const space = this.#table.spaces.enter(name);
    return (key, limits, op) => this.#decide(space, key, limits, op, true);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws must come as a rejection
  async decide(steps: readonly LimiterStep[]): Promise<readonly LimiterResult[]> {
    return steps.map((step) => {
      try {
        return this.#decideStep(step);
      } catch (error) {
        if (error instanceof StoreError) return { error };
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.clear();
    this.#timer = undefined;
    // Without records every later charge has to add a slot, which is where it is refused.
    this.#table.clear();
  }

  #decideStep({ key, limits, ops }: LimiterStep): LimiterResult {
    return this.#within(key, (space, rest) => {
      if (ops.length > 1) return this.#step(space, rest, limits, ops, this.#clock.nowUs());
      const { nowUs, atUs, ...answer } = this.#decide(space, rest, limits, ops[0] as LimiterOp, false);
      return { nowUs, atUs, answers: [answer] };
    });
  }

  #within<T>(recordKey: string, work: (space: Space, key: string) => T): T {
    const { name, key } = splitKey(recordKey);
    const space = this.#table.spaces.enter(name);
    try {
      return work(space, key);
    } finally {
      this.#table.spaces.leave(space);
    }
  }

  /** With `check`, a key that has no record is looked at before anything else; one that has was looked at when it came in. */
  #decide(space: Space, key: string, limits: readonly Limit[], op: LimiterOp, check: boolean): LimiterAnswerNow {
    const slot = space.slots.get(key);
    if (check && slot === undefined) checkKey('key', key);
    if (limits.length === 1 && (op.kind === 'consume' || op.kind === 'peek')) {
      const limit = limits[0] as Limit;
      if (slot === undefined ? isPackable(limit) : this.#isPackedUnder(slot, limit)) {
        return packedDecide(
          this.#table,
          this.#addSlot,
          space,
          key,
          slot ?? -1,
          limit as Exclude<Limit, SlidingLogLimit>,
          op.cost,
          op.kind === 'consume',
          // A new record costs more than a look at the clock, and must not begin before its time.
          slot === undefined ? this.#clock.nowUs() : this.#dates.nowUs(),
        );
      }
    }
    const nowUs = this.#clock.nowUs();
    const { answers, atUs } = this.#step(space, key, limits, [op], nowUs);
    return answerNow(answers[0] as LimiterAnswer, nowUs, atUs);
  }

  /** The general path: whole records, through core's definition. */
  #step(
    space: Space,
    key: string,
    limits: readonly Limit[],
    ops: readonly LimiterOp[],
    nowUs: number,
  ): StepOutcome['result'] {
    const slot = space.slots.get(key);
    const record = slot === undefined ? undefined : this.#table.read(slot);
    const outcome = decideStep(record, limits, ops, nowUs);
    if (!outcome.changed) return outcome.result;
    if (outcome.record) {
      this.#table.write(slot ?? this.#add(space, key, nowUs, Infinity), outcome.record);
    } else if (slot !== undefined) {
      this.#table.remove(slot);
      this.#reportKeys();
    }
    return outcome.result;
  }

  /** Whether a slot holds the packed record of `limit`, by identity or by name and parameters. */
  #isPackedUnder(slot: number, limit: Limit): boolean {
    const held = this.#table.held[slot] as NonNullable<RecordTable['held'][number]>;
    if (held === limit) return true;
    return !('entries' in held) && held.name === limit.name && sameParameters(held, limit);
  }

  #add(space: Space, key: string, nowUs: number, freshAtUs: number): number {
    if (this.#closed) throw new ClosedError('The memory limiter store is closed');
    this.#makeRoom(space, nowUs);
    const slot = this.#table.add(space, key, freshAtUs);
    this.#timer ??= this.#setSweep(this.#sweepIntervalMs);
    this.#reportKeys();
    return slot;
  }

  /** A new key takes the place of one that turned fresh rather than make the table larger; at capacity one must go. */
  #makeRoom(space: Space, nowUs: number): void {
    if (!this.#table.full) {
      if (this.#table.tight) this.#reportExpired(this.#table.sweep(nowUs, looksBeforeGrowth, looksBeforeGrowth));
      return;
    }
    const removed = this.#table.sweep(nowUs, looksWhenFull, 1);
    this.#reportExpired(removed);
    if (removed > 0) return;
    if (this.#whenFull === 'refuse' || !this.#evictOldest(space, nowUs)) {
      throw new StoreFullError(`The memory limiter store holds ${this.#table.size} live keys; a new key was refused`, {
        store: this.name,
      });
    }
    this.#reportKeys({ reason: 'capacity', count: 1 });
  }

  /** Forgets the oldest key of the same limiter that is not blocked; of another's, when it has none. */
  #evictOldest(own: Space, nowUs: number): boolean {
    if (this.#evictFrom(own, nowUs)) return true;
    for (const space of this.#table.spaces.all()) if (this.#evictFrom(space, nowUs)) return true;
    return false;
  }

  #evictFrom(space: Space, nowUs: number): boolean {
    const looks = Math.min(looksToEvict, space.slots.size);
    for (let looked = 0; looked < looks; looked++) {
      const slot = this.#nextOldest(space);
      const held = this.#table.held[slot] as NonNullable<RecordTable['held'][number]>;
      if ('entries' in held && held.blockedUntilUs > nowUs) continue;
      this.#table.remove(slot);
      return true;
    }
    return false;
  }

  /** The slot after the one last looked at, round and round; the space holds at least one. */
  #nextOldest(space: Space): number {
    // Asking for the first key of a map anew each time would pass over all it has deleted.
    space.hand ??= space.slots.entries();
    let next = space.hand.next();
    if (next.done) {
      space.hand = space.slots.entries();
      next = space.hand.next() as IteratorYieldResult<[string, number]>;
    }
    return next.value[1];
  }

  #setSweep(delayMs: number): ClockTimer {
    const timer = this.#clock.setTimer(() => this.#sweep(), delayMs);
    timer.unref();
    return timer;
  }

  #sweep(): void {
    const nowUs = this.#clock.nowUs();
    const removed = this.#table.sweep(nowUs, looksPerTurn, Infinity);
    if (this.#table.size === 0) {
      this.#table.clear();
      this.#timer = undefined;
    } else {
      this.#timer = this.#setSweep(this.#table.hasDue(nowUs) ? 1 : this.#sweepIntervalMs);
    }
    this.#reportExpired(removed);
  }

  #reportExpired(count: number): void {
    if (count > 0) this.#reportKeys({ reason: 'expired', count });
  }

  #reportKeys(evicted?: NonNullable<StoreKeysEvent['evicted']>): void {
    if (!this.#emitter.wants('onStoreKeys')) return;
    const event = { store: this.name, keys: this.#table.size };
    this.#emitter.emit('onStoreKeys', evicted ? { ...event, evicted } : event);
  }
}

/** An answer with the clocks of its step. Spelt out: a spread costs as much as a decision. */
function answerNow(answer: LimiterAnswer, nowUs: number, atUs: number): LimiterAnswerNow {
  const { allowed, granted, reason, violated, retryAtUs, remaining, resetAtUs, readings } = answer;
  const fields = { allowed, granted, reason, violated, retryAtUs, remaining, resetAtUs, readings, nowUs, atUs };
  // Absent and undefined read the same here.
  return fields as LimiterAnswerNow;
}
