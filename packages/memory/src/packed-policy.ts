import { sameParameters } from '@headgate/core';
import { packedAnswer } from './packed-answer.js';
import { PackedFixedWindow, PackedSlidingWindow, PackedTokenBucket } from './packed-limits.js';
import type { Limit, LimiterAnswerNow, LimitReading } from '@headgate/core';
import type { Columns, PackableLimit, PackedState } from './packed-limits.js';

/** Whether the state of a limit is a fixed number of columns. */
export function isPackable(limit: Limit): limit is PackableLimit {
  return limit.kind !== 'slidingLog';
}

/** The packed form of a policy. */
export function packPolicy(limits: readonly PackableLimit[]): PackedState {
  return limits.length === 1 ? packLimit(limits[0] as PackableLimit) : new PackedLimits(limits);
}

function packLimit(limit: PackableLimit): PackedState {
  switch (limit.kind) {
    case 'tokenBucket':
      return new PackedTokenBucket(limit);
    case 'fixedWindow':
      return new PackedFixedWindow(limit);
    default:
      return new PackedSlidingWindow(limit);
  }
}

/** Whether states under two policies are laid out alike and mean the same. */
export function sameLayout(a: readonly Limit[], b: readonly Limit[]): boolean {
  return a.length === b.length && a.every((limit, i) => sameLimit(limit, b[i] as Limit));
}

function sameLimit(a: Limit, b: Limit): boolean {
  return a === b || (a.name === b.name && sameParameters(a, b));
}

/** Several limits: their columns one after another, in order. */
class PackedLimits implements PackedState {
  readonly limits: readonly PackableLimit[];
  readonly width: number;
  private readonly packed: readonly PackedState[];

  constructor(limits: readonly PackableLimit[]) {
    this.limits = limits;
    this.packed = limits.map(packLimit);
    this.width = this.packed.reduce((columns, { width }) => columns + width, 0);
  }

  open(columns: Columns, at: number, lastUs: number, atUs: number): void {
    for (const packed of this.packed) {
      packed.open(columns, at, lastUs, atUs);
      at += packed.width;
    }
  }

  openFresh(atUs: number): void {
    for (const packed of this.packed) packed.openFresh(atUs);
  }

  remaining(): number {
    let least = Infinity;
    for (const packed of this.packed) least = Math.min(least, packed.remaining());
    return least;
  }

  admits(cost: number): boolean {
    for (const packed of this.packed) if (!packed.admits(cost)) return false;
    return true;
  }

  answer(allowed: boolean, cost: number, granted: number, nowUs: number, atUs: number): LimiterAnswerNow {
    return packedAnswer(this, allowed, cost, granted, nowUs, atUs);
  }

  admitAtUs(cost: number, atUs: number): number {
    let latest = atUs;
    for (const packed of this.packed) latest = Math.max(latest, packed.admitAtUs(cost, atUs));
    return latest;
  }

  freshAtUs(atUs: number): number {
    let latest = atUs;
    for (const packed of this.packed) latest = Math.max(latest, packed.freshAtUs(atUs));
    return latest;
  }

  charge(cost: number): void {
    for (const packed of this.packed) packed.charge(cost);
  }

  save(columns: Columns, at: number): void {
    for (const packed of this.packed) {
      packed.save(columns, at);
      at += packed.width;
    }
  }

  violated(cost: number, atUs: number, retryAtUs: number): number {
    return this.packed.findIndex((packed) => packed.admitAtUs(cost, atUs) === retryAtUs);
  }

  readings(atUs: number): readonly LimitReading[] {
    return this.packed.map((packed) => ({ remaining: packed.remaining(), resetAtUs: packed.freshAtUs(atUs) }));
  }
}
