import type { LimiterAnswerNow } from '@headgate/core';
import type { PackedState, PackedTokenBucket } from './packed-limits.js';

/** The answer of what is loaded, computed at once. */
export function packedAnswer(
  loaded: PackedState,
  allowed: boolean,
  cost: number,
  granted: number,
  nowUs: number,
  atUs: number,
): LimiterAnswerNow {
  const retryAtUs = allowed ? 0 : loaded.admitAtUs(cost, atUs);
  return {
    allowed,
    granted,
    reason: allowed ? undefined : retryAtUs === Infinity ? 'capacity' : 'quota',
    violated: allowed ? -1 : loaded.violated(cost, atUs, retryAtUs),
    retryAtUs,
    remaining: loaded.remaining(),
    resetAtUs: loaded.freshAtUs(atUs),
    readings: loaded.readings(atUs),
    nowUs,
    atUs,
  };
}

/**
 * The answer of a token bucket, computed when it is read: two divisions and two numbers on the heap are a good part of what a decision costs, and few callers look
 * at more than `allowed`. The fields are ones that only the constructor mentions, for the reason given at core's `AnsweredDecision`.
 */
export class BucketAnswer implements LimiterAnswerNow {
  declare readonly allowed: boolean;
  declare readonly granted: number;
  declare readonly nowUs: number;
  declare readonly atUs: number;
  declare private readonly bucket: PackedTokenBucket;
  declare private readonly level: number;
  declare private readonly cost: number;

  constructor(
    bucket: PackedTokenBucket,
    level: number,
    allowed: boolean,
    cost: number,
    granted: number,
    nowUs: number,
    atUs: number,
  ) {
    this.bucket = bucket;
    this.level = level;
    this.allowed = allowed;
    this.cost = cost;
    this.granted = granted;
    this.nowUs = nowUs;
    this.atUs = atUs;
  }

  get reason(): 'capacity' | 'quota' | undefined {
    if (this.allowed) return undefined;
    return this.cost > this.bucket.limit ? 'capacity' : 'quota';
  }

  get violated(): number {
    return this.allowed ? -1 : 0;
  }

  get retryAtUs(): number {
    return this.allowed ? 0 : this.bucket.admitAtUs(this.cost, this.atUs, this.level);
  }

  get remaining(): number {
    return this.bucket.remaining(this.level);
  }

  get resetAtUs(): number {
    return this.bucket.freshAtUs(this.atUs, this.level);
  }

  get readings(): undefined {
    return undefined;
  }
}
