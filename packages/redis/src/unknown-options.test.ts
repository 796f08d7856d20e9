import { describe, expect, it } from 'vitest';
import { redisLimiterStore, redisLockStore } from './index.js';

// What plain JavaScript lets through: none of these compile.
const misspelt: readonly [string, string, () => unknown][] = [
  ['keyPrefix', 'prefix', () => redisLimiterStore({ client: {}, keyPrefix: 'app' } as never)],
  ['stallTimeout', 'stallTimeoutMs', () => redisLimiterStore({ client: {}, stallTimeout: 1 } as never)],
  ['claimMS', 'claimMs', () => redisLockStore({ client: {}, claimMS: 1 } as never)],
];

describe('an option that does not exist', () => {
  it.each(misspelt)('%s is refused, and %s named', async (wrong, meant, run) => {
    await expect(async () => run()).rejects.toThrow(`Unknown option \`${wrong}\`; did you mean \`${meant}\`?`);
  });
});
