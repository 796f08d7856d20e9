import {
  checkKey,
  ClosedError,
  decideStep,
  Emitter,
  plainAnswer,
  StoreError,
  StoreFullError,
  systemClock,
} from '@headgate/core';
import { BurstClock } from './burst-clock.js';
import { evictOldest } from './eviction.js';
import { checkLimiterStoreOptions, checkMaxKeys, checkSweepIntervalMs, checkWhenFull } from './options.js';
import { isPackable, packPolicy } from './packed-policy.js';
import { RecordTable } from './record-table.js';
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
  StepOutcome,
  StoreKeysEvent,
} from '@headgate/core';
import type { MemoryLimiterStoreOptions, WhenFull } from './options.js';
import type { PackedState } from './packed-limits.js';
import type { Space } from './spaces.js';

/** Records a new key looks at before the table grows. Sooner would only remove keys that are about to be charged again. */
const looksBeforeGrowth = 16;
/** Records a charge to a full store looks at to find one that turned fresh: about two milliseconds at worst. */
const looksWhenFull = 4096;
/** Records one turn of the clean-up looks at before it lets others run. */
const looksPerTurn = 10_000;

/** Makes of an answer what its caller wants. */
type MakeAnswer<T> = (key: string, answer: LimiterAnswerNow) => T;
type Decide<T> = (key: string, op: LimiterOp) => T;

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
  decideNowFor<T>(name: string, limits: readonly Limit[], make: MakeAnswer<T>): Decide<T>;
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
  /** Packed forms by the first limit of a policy. */
  readonly #policies = new WeakMap<Limit, PackedState>();
  #timer: ClockTimer | undefined;
  #closed = false;

  constructor(options: MemoryLimiterStoreOptions) {
    this.#sweepIntervalMs = checkSweepIntervalMs(options.sweepIntervalMs);
    this.#whenFull = checkWhenFull(options.whenFull);
    this.#table = new RecordTable(checkMaxKeys(options.maxKeys));
    this.#clock = options.clock ?? systemClock;
    this.#dates = options.clock ?? new BurstClock();
    this.#emitter = new Emitter(options.hooks);
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
    return this.#within(key, (space, rest) => this.#deciderOf(space, limits, plain, false)(rest, op));
  }

  decideNowFor<T>(name: string, limits: readonly Limit[], make: MakeAnswer<T>): Decide<T> {
    return this.#deciderOf(this.#table.spaces.enter(name), limits, make, true);
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
      const answer = this.#deciderOf(space, limits, plain, false)(rest, ops[0] as LimiterOp);
      return { nowUs: answer.nowUs, atUs: answer.atUs, answers: [answer] };
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

  /** Decides the keys of a space under one policy. */
  #deciderOf<T>(space: Space, limits: readonly Limit[], make: MakeAnswer<T>, checks: boolean): Decide<T> {
    const policy = this.#packedOf(limits);
    if (!policy) return (key, op) => this.#decideWhole(space, key, limits, op, make, checks);
    const { slots } = space;
    const table = this.#table;
    const dates = this.#dates;
    return (key, op) => {
      const slot = slots.get(key);
      const take = op.kind === 'consume';
      if (!take && op.kind !== 'peek') return this.#decideWhole(space, key, limits, op, make, checks);
      if (slot === undefined) return this.#decideNew(space, key, policy, op.cost, take, make, checks);
      const nowUs = dates.nowUs();
      const atUs = table.open(slot, policy, nowUs);
      if (atUs < 0) return this.#decideWhole(space, key, limits, op, make, checks);
      const { cost } = op;
      const allowed = policy.admits(cost);
      const granted = allowed && take ? cost : 0;
      if (granted > 0) {
        policy.charge(cost);
        table.save(slot, policy, atUs);
      }
      return make(key, policy.answer(allowed, cost, granted, nowUs, atUs));
    };
  }

  /** Decides a key that has no record, and adds one when it is charged. */
  #decideNew<T>(
    space: Space,
    key: string,
    policy: PackedState,
    cost: number,
    take: boolean,
    make: MakeAnswer<T>,
    checks: boolean,
  ): T {
    if (checks) checkKey('key', key);
    // A new record costs more than a look at the clock, and must not begin before its time.
    const nowUs = this.#clock.nowUs();
    policy.openFresh(nowUs);
    const allowed = policy.admits(cost);
    const granted = allowed && take ? cost : 0;
    if (granted > 0) {
      policy.charge(cost);
      const slot = this.#add(space, key, nowUs, policy.freshAtUs(nowUs));
      // A hook that was told of the key may have decided something under the same policy.
      policy.openFresh(nowUs);
      policy.charge(cost);
      this.#table.save(slot, policy, nowUs);
    }
    return make(key, policy.answer(allowed, cost, granted, nowUs, nowUs));
  }

  #decideWhole<T>(
    space: Space,
    key: string,
    limits: readonly Limit[],
    op: LimiterOp,
    make: MakeAnswer<T>,
    checks: boolean,
  ): T {
    if (checks && !space.slots.has(key)) checkKey('key', key);
    const { answers, nowUs, atUs } = this.#step(space, key, limits, [op], this.#clock.nowUs());
    return make(key, { ...(answers[0] as LimiterAnswer), nowUs, atUs });
  }

  /** The packed form of a policy, kept by its first limit; `undefined` when one of its limits cannot be packed. */
  #packedOf(limits: readonly Limit[]): PackedState | undefined {
    const first = limits[0] as Limit;
    const known = this.#policies.get(first);
    if (known && sameLimits(known.limits, limits)) return known;
    if (!limits.every(isPackable)) return undefined;
    const policy = packPolicy(limits);
    this.#policies.set(first, policy);
    return policy;
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
      this.#table.write(slot ?? this.#add(space, key, nowUs, Infinity), outcome.record, this.#packedOf(limits));
    } else if (slot !== undefined) {
      this.#table.remove(slot);
      this.#reportKeys();
    }
    return outcome.result;
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
    if (this.#whenFull === 'refuse' || !evictOldest(this.#table, space, nowUs)) {
      throw new StoreFullError(`The memory limiter store holds ${this.#table.size} live keys; a new key was refused`, {
        store: this.name,
      });
    }
    this.#reportKeys({ reason: 'capacity', count: 1 });
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

function sameLimits(a: readonly Limit[], b: readonly Limit[]): boolean {
  return a.length === b.length && a.every((limit, i) => limit === b[i]);
}

/** The answer itself, with fields that need not be computed. */
const plain: MakeAnswer<LimiterAnswerNow> = (_key, answer) => plainAnswer(answer);
