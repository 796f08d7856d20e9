import type { LimiterAnswer, LimiterDecided, LimiterOp, TokenBucketLimit } from '@headgate/core';

/** A live record of one token bucket without a block. */
export interface BucketRecord {
  readonly lastUs: number;
  /** Level as of `lastUs`, in units of the limit. */
  readonly level: number;
}

/**
 * What core's `decideStep` answers when all there is is one token bucket and the operations only consume or peek: the same numbers without its generality,
 * for the many callers of a hot key. `undefined` stands for a fresh record.
 */
export function answerConsumes(
  limit: TokenBucketLimit,
  record: BucketRecord | undefined,
  ops: readonly LimiterOp[],
  nowUs: number,
): LimiterDecided {
  const { unitsPerToken, unitsPerUs } = limit;
  const full = limit.limit * unitsPerToken;
  const atUs = record ? Math.max(nowUs, record.lastUs) : nowUs;
  let level = full;
  if (record) {
    const elapsedUs = atUs - record.lastUs;
    const missingUs = Math.ceil((full - record.level) / unitsPerUs);
    if (elapsedUs < missingUs) level = record.level + elapsedUs * unitsPerUs;
  }
  const answers = ops.map((op): LimiterAnswer => {
    const cost = (op as { readonly cost: number }).cost;
    const fits = cost <= limit.limit;
    const missing = fits ? cost * unitsPerToken - level : 0;
    const allowed = fits && missing <= 0;
    const granted = allowed && op.kind === 'consume' ? cost : 0;
    level -= granted * unitsPerToken;
    const remaining = Math.max(0, Math.floor(level / unitsPerToken));
    const resetAtUs = atUs + Math.ceil((full - level) / unitsPerUs);
    if (allowed) return { allowed, granted, violated: -1, retryAtUs: 0, remaining, resetAtUs };
    return fits
      ? {
          allowed,
          granted,
          reason: 'quota',
          violated: 0,
          retryAtUs: atUs + Math.ceil(missing / unitsPerUs),
          remaining,
          resetAtUs,
        }
      : { allowed, granted, reason: 'capacity', violated: 0, retryAtUs: Infinity, remaining, resetAtUs };
  });
  return { nowUs, atUs, answers };
}
