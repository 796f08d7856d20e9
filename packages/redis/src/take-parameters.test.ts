import assert from 'node:assert/strict';
import { fixedWindow, tokenBucket } from '@headgate/core';
import { describe, it } from 'vitest';
import { policyText } from './limiter-codec.js';
import { parametersBytes, takeParameters } from './take-parameters.js';
import type { Limit } from '@headgate/core';

/** Reads the numbers as the script does. */
function numbersOf(text: string): number[] {
  const bytes = Buffer.from(text, 'utf8');
  return Array.from({ length: parametersBytes / 16 }, (_, i) =>
    Number(bytes.readBigUInt64LE(16 * i) + 128n * bytes.readBigUInt64LE(16 * i + 8)),
  );
}

const policyOf = (limit: Limit): readonly Limit[] => [{ ...limit, name: 'default' } as Limit];

describe('takeParameters', () => {
  it.each([1, 127, 128, 255, 65_535, 2 ** 32 + 129, 2 ** 50 - 1])(
    'packs a limit of %d and what is charged',
    (limit) => {
      const windowMs = 1_000;
      const policy = policyOf(fixedWindow({ limit, windowMs, aligned: true }));
      const text = takeParameters(policy, limit, 3);
      assert.deepEqual(numbersOf(text), [limit, windowMs * 1000, 1, limit, 3]);
      assert.equal(text.slice(parametersBytes), policyText(policy));
      assert.equal(Buffer.byteLength(text), text.length);
    },
  );

  it('packs the units of a token bucket', () => {
    const policy = policyOf(tokenBucket({ capacity: 7, refillTokens: 2, refillIntervalMs: 3 }));
    assert.deepEqual(numbersOf(takeParameters(policy, 1, 1)), [7, 1, 1_500, 1, 1]);
  });
});
