import { describe, expect, it } from 'vitest';
import { memoryLimiterStore, memoryLockStore } from './index.js';

// What plain JavaScript lets through: none of these compile.
const misspelt: readonly [string, string, () => unknown][] = [
  ['maxkeys', 'maxKeys', () => memoryLimiterStore({ maxkeys: 1 } as never)],
  ['hooks.onStoreKey', 'hooks.onStoreKeys', () => memoryLimiterStore({ hooks: { onStoreKey: () => {} } } as never)],
  ['maxKey', 'maxKeys', () => memoryLockStore({ maxKey: 1 } as never)],
];

describe('an option that does not exist', () => {
  it.each(misspelt)('%s is refused, and %s named', async (wrong, meant, run) => {
    await expect(async () => run()).rejects.toThrow(`Unknown option \`${wrong}\`; did you mean \`${meant}\`?`);
  });
});
