import { recordFreshAtUs, recordVersion } from '@headgate/core';
import { SlotHeap } from './slot-heap.js';
import { recordKeyOf, Spaces } from './spaces.js';
import type { Limit, LimiterRecord, RecordEntry } from '@headgate/core';
import type { Space } from './spaces.js';

/** Numbers a slot has in `RecordTable.columns`. */
export const columnsPerSlot = 4;
/** Where, among a slot's columns, the time of the record's last write is. */
export const lastColumn = 3;

const firstCapacity = 64;

/** A limit whose state fits the columns: a record of one such limit, without a block, is *packed*. */
export function isPackable(limit: Limit): boolean {
  return limit.kind !== 'slidingLog';
}

/**
 * Every live record, by space and key. A packed record is its compiled limit in `held` and its state in up to three `columns`, with the
 * time of its last write in the fourth; any other record is kept whole in `held`. This file is the one place that converts between the
 * two. A slot costs 68 bytes, and the `Map` entry about 29 when the `Map` is full.
 */
export class RecordTable {
  readonly #maxKeys: number;
  readonly spaces: Spaces = new Spaces();
  readonly #heap = new SlotHeap();
  #keys: (string | undefined)[] = [];
  #spaceNumbers: Int32Array = new Int32Array(0);
  /** The compiled limit of a packed record, or the whole record. */
  held: (Limit | LimiterRecord | undefined)[] = [];
  columns: Float64Array = new Float64Array(0);

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
    this.held[slot] = undefined;
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
    this.held = [];
    this.columns = new Float64Array(0);
    this.#heap.clear();
  }

  /** The record in a slot. */
  read(slot: number): LimiterRecord {
    const held = this.held[slot] as Limit | LimiterRecord;
    if ('entries' in held) return held;
    const base = slot * columnsPerSlot;
    const { columns } = this;
    const state = [columns[base] as number, columns[base + 1] as number];
    if (held.kind === 'slidingWindow') state.push(columns[base + 2] as number);
    return {
      version: recordVersion,
      lastUs: columns[base + lastColumn] as number,
      blockedUntilUs: 0,
      entries: [{ limit: held, state }],
    };
  }

  /** Every record by its record key, one copied at a time. */
  *records(): Generator<readonly [recordKey: string, record: LimiterRecord], void, undefined> {
    for (const space of this.spaces.all())
      for (const [key, slot] of space.slots) yield [recordKeyOf(space, key), this.read(slot)];
  }

  /** Writes a record into a slot, packed when it can be. */
  write(slot: number, record: LimiterRecord): void {
    if (canPack(record)) {
      const { limit, state } = record.entries[0] as RecordEntry;
      const base = slot * columnsPerSlot;
      this.columns.set(state, base);
      this.columns[base + lastColumn] = record.lastUs;
      this.held[slot] = limit;
    } else {
      this.held[slot] = record;
    }
    this.#heap.setDue(slot, recordFreshAtUs(record));
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

  #grow(): void {
    const capacity = Math.min(this.#maxKeys, Math.max(firstCapacity, this.#heap.capacity * 2));
    this.#heap.grow(capacity);
    const columns = new Float64Array(capacity * columnsPerSlot);
    columns.set(this.columns);
    this.columns = columns;
    const spaceNumbers = new Int32Array(capacity);
    spaceNumbers.set(this.#spaceNumbers);
    this.#spaceNumbers = spaceNumbers;
    // Grown to measure: pushing would reserve up to half as much again.
    this.#keys = grown(this.#keys, capacity);
    this.held = grown(this.held, capacity);
  }
}

function grown<T>(items: readonly (T | undefined)[], length: number): (T | undefined)[] {
  const copy = new Array<T | undefined>(length).fill(undefined);
  for (let i = 0; i < items.length; i++) copy[i] = items[i];
  return copy;
}

/**
 * Whether the columns can hold the record: one packable limit, no block, and, for a token bucket, a level as of the record's own time (a bucket kept from an
 * earlier policy has an older one).
 */
function canPack({ entries, blockedUntilUs, lastUs }: LimiterRecord): boolean {
  const [entry] = entries;
  if (!entry || entries.length > 1 || blockedUntilUs !== 0 || !isPackable(entry.limit)) return false;
  return entry.limit.kind !== 'tokenBucket' || entry.state[1] === lastUs;
}
