import { recordFreshAtUs } from '@headgate/core';
import { sameLayout } from './packed-policy.js';
import { packRecord, unpackRecord } from './packed-record.js';
import { SlotHeap } from './slot-heap.js';
import { recordKeyOf, Spaces } from './spaces.js';
import type { LimiterRecord } from '@headgate/core';
import type { Columns, PackedState } from './packed-limits.js';
import type { Space } from './spaces.js';

/** Numbers a slot has in the table's own columns. */
const columnsPerSlot = 4;
const firstCapacity = 64;

/** A packed record that needs more columns than a slot has: any two windows. */
interface WideRecord {
  readonly policy: PackedState;
  readonly columns: number[];
}

type Held = PackedState | WideRecord | LimiterRecord;

/**
 * Every live record, by space and key. A packed record is its policy in `held` and its state in the slot's columns (a token bucket, two or three of them, a
 * window, a bucket and a fixed window), or both in a `WideRecord`; any other record (a sliding log, a block, leftovers of another policy) is kept whole.
 * A slot costs 68 bytes, and the `Map` entry about 29 when the `Map` is full.
 */
export class RecordTable {
  readonly #maxKeys: number;
  readonly spaces: Spaces = new Spaces();
  readonly #heap = new SlotHeap();
  #keys: (string | undefined)[] = [];
  #spaceNumbers: Int32Array = new Int32Array(0);
  #held: (Held | undefined)[] = [];
  #columns: Float64Array = new Float64Array(0);

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#heap.size;
  }

  get full(): boolean {
    return this.#heap.size >= this.#maxKeys;
  }

  /** Whether the next new key makes the table larger. */
  get tight(): boolean {
    return this.#heap.size === this.#heap.capacity;
  }

  /** A slot for a key that has none; the caller made room and fills it at once. `dueUs` is when the record turns fresh. */
  add(space: Space, key: string, dueUs: number): number {
    if (this.#heap.size === this.#heap.capacity) this.#grow();
    const slot = this.#heap.take(dueUs);
    space.slots.set(key, slot);
    this.#keys[slot] = key;
    this.#spaceNumbers[slot] = space.number;
    return slot;
  }

  remove(slot: number): void {
    const space = this.spaces.at(this.#spaceNumbers[slot] as number);
    space.slots.delete(this.#keys[slot] as string);
    this.spaces.dropIfIdle(space);
    this.#keys[slot] = undefined;
    this.#held[slot] = undefined;
    this.#heap.free(slot);
  }

  /** Forgets every record and gives its memory back; open spaces stay. */
  clear(): void {
    for (const space of this.spaces.all()) {
      space.slots.clear();
      space.hand = undefined;
    }
    this.#keys = [];
    this.#spaceNumbers = new Int32Array(0);
    this.#held = [];
    this.#columns = new Float64Array(0);
    this.#heap.clear();
  }

  /** Loads a slot's record into `policy` as of `nowUs`; returns the instant that counts, or -1 when the record is not a packed one of that policy. */
  open(slot: number, policy: PackedState, nowUs: number): number {
    if (this.#held[slot] !== policy) return this.#openOther(slot, policy, nowUs);
    return openAt(this.#columns, slot * columnsPerSlot, policy, nowUs);
  }

  /** Writes what is loaded in `policy` as a slot's record. */
  save(slot: number, policy: PackedState, atUs: number): void {
    if (this.#held[slot] !== policy) return this.#saveOther(slot, policy, atUs);
    const base = slot * columnsPerSlot;
    this.#columns[base] = atUs;
    policy.save(this.#columns, base + 1);
  }

  /** The record in a slot. */
  read(slot: number): LimiterRecord {
    const held = this.#held[slot] as Held;
    if ('entries' in held) return held;
    if ('columns' in held) return unpackRecord(held.policy.limits, held.columns, 0);
    return unpackRecord(held.limits, this.#columns, slot * columnsPerSlot);
  }

  /** Every record by its record key, one copied at a time. */
  *records(): Generator<readonly [recordKey: string, record: LimiterRecord], void, undefined> {
    for (const space of this.spaces.all())
      for (const [key, slot] of space.slots) yield [recordKeyOf(space, key), this.read(slot)];
  }

  /** Writes a record into a slot, packed under `policy` when that can be. */
  write(slot: number, record: LimiterRecord, policy: PackedState | undefined): void {
    const columns = policy && packRecord(policy, record);
    if (policy && columns) this.#pack(slot, policy, columns);
    else this.#held[slot] = record;
    this.#heap.setDue(slot, recordFreshAtUs(record));
  }

  /** Whether a block is in force on a slot's key. */
  isBlocked(slot: number, nowUs: number): boolean {
    const held = this.#held[slot] as Held;
    return 'entries' in held && held.blockedUntilUs > nowUs;
  }

  /**
   * Looks at up to `most` records whose turn has come by `nowUs`, in the order in which they were to turn fresh, and removes those that
   * did; the others were charged meanwhile and get a later turn. Each look is thus paid for by a charge. Stops after `enough` removals.
   */
  sweep(nowUs: number, most: number, enough: number): number {
    let removed = 0;
    for (let looked = 0; looked < most && removed < enough; looked++) {
      const slot = this.#heap.first();
      if (slot < 0 || this.#heap.dueUs(slot) > nowUs) break;
      const freshAtUs = recordFreshAtUs(this.read(slot));
      if (freshAtUs > nowUs) {
        this.#heap.setDue(slot, freshAtUs);
      } else {
        this.remove(slot);
        removed++;
      }
    }
    return removed;
  }

  /** Whether a record's turn to be looked at has come by `nowUs`. */
  hasDue(nowUs: number): boolean {
    const slot = this.#heap.first();
    return slot >= 0 && this.#heap.dueUs(slot) <= nowUs;
  }

  #openOther(slot: number, policy: PackedState, nowUs: number): number {
    const held = this.#held[slot] as Held;
    if ('entries' in held) return -1;
    if ('columns' in held)
      return sameLayout(held.policy.limits, policy.limits) ? openAt(held.columns, 0, policy, nowUs) : -1;
    return sameLayout(held.limits, policy.limits) ? openAt(this.#columns, slot * columnsPerSlot, policy, nowUs) : -1;
  }

  #saveOther(slot: number, policy: PackedState, atUs: number): void {
    const held = this.#held[slot];
    if (held && 'columns' in held && held.policy === policy) {
      held.columns[0] = atUs;
      policy.save(held.columns, 1);
      return;
    }
    const columns = new Array<number>(policy.width + 1).fill(0);
    columns[0] = atUs;
    policy.save(columns, 1);
    this.#pack(slot, policy, columns);
  }

  #pack(slot: number, policy: PackedState, columns: number[]): void {
    if (columns.length > columnsPerSlot) {
      this.#held[slot] = { policy, columns };
    } else {
      this.#columns.set(columns, slot * columnsPerSlot);
      this.#held[slot] = policy;
    }
  }

  #grow(): void {
    const capacity = Math.min(this.#maxKeys, Math.max(firstCapacity, this.#heap.capacity * 2));
    this.#heap.grow(capacity);
    const columns = new Float64Array(capacity * columnsPerSlot);
    columns.set(this.#columns);
    this.#columns = columns;
    const spaceNumbers = new Int32Array(capacity);
    spaceNumbers.set(this.#spaceNumbers);
    this.#spaceNumbers = spaceNumbers;
    // Grown to measure: pushing would reserve up to half as much again.
    this.#keys = grown(this.#keys, capacity);
    this.#held = grown(this.#held, capacity);
  }
}

function grown<T>(items: readonly (T | undefined)[], length: number): (T | undefined)[] {
  const copy = new Array<T | undefined>(length).fill(undefined);
  for (let i = 0; i < items.length; i++) copy[i] = items[i];
  return copy;
}

/** Loads the state behind the time of its last write at `columns[base]`; a clock that stepped back counts as that time. */
function openAt(columns: Columns, base: number, policy: PackedState, nowUs: number): number {
  const lastUs = columns[base] as number;
  const atUs = lastUs > nowUs ? lastUs : nowUs;
  policy.open(columns, base + 1, lastUs, atUs);
  return atUs;
}
