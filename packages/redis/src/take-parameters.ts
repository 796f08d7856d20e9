import { policyText } from './limiter-codec.js';
import type { FixedWindowLimit, Limit, TokenBucketLimit } from '@headgate/core';

/** The limits that `takeScripts` know. */
export type TakeLimit = TokenBucketLimit | FixedWindowLimit;

/** A number takes two groups of eight bytes. */
const numberBytes = 16;

/** Bytes of the numbers with which {@link takeParameters} begins. */
export const parametersBytes: number = 5 * numberBytes;

/** What most batches send: each step consumes one. */
const ones = new WeakMap<readonly Limit[], string>();

/**
 * What `takeScripts` read about a policy of one limit, as one text: the limit, its two parameters in the order of the policy's text, cost and number of
 * times of every step; then the policy's text. A cost of 0 says that the steps differ.
 */
export function takeParameters(limits: readonly Limit[], cost: number, times: number): string {
  if (cost !== 1 || times !== 1) return parametersText(limits, cost, times);
  let text = ones.get(limits);
  if (text === undefined) {
    text = parametersText(limits, 1, 1);
    ones.set(limits, text);
  }
  return text;
}

function parametersText(limits: readonly Limit[], cost: number, times: number): string {
  const limit = limits[0] as TakeLimit;
  const [first, second] =
    limit.kind === 'tokenBucket' ? [limit.unitsPerUs, limit.unitsPerToken] : [limit.windowUs, Number(limit.aligned)];
  return [limit.limit, first, second, cost, times].map(packed).join('') + policyText(limits);
}

/**
 * An integer from 0 to 2^53 as sixteen ASCII characters, so that the text is as many bytes in UTF-8: two little-endian integers `low` and `high`, no byte of
 * which is above 127, with `low + 128 * high` the number.
 */
function packed(integer: number): string {
  const low: number[] = [];
  const high: number[] = [];
  for (let rest = integer, i = 0; i < numberBytes / 2; i++) {
    const byte = rest % 256;
    low.push(byte & 127);
    high.push(byte >> 7);
    rest = (rest - byte) / 256;
  }
  return String.fromCharCode(...low, ...high);
}
