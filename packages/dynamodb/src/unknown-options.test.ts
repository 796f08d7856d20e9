import { describe, expect, it } from 'vitest';
import { createTable, dynamoLimiterStore, dynamoLockStore } from './index.js';

// What plain JavaScript lets through: none of these compile.
const misspelt: readonly [string, string, () => unknown][] = [
  ['tableName', 'table', () => dynamoLimiterStore({ client: { send: () => {} }, tableName: 't' } as never)],
  ['maxSkew', 'maxSkewMs', () => dynamoLockStore({ client: { send: () => {} }, table: 'table', maxSkew: 1 } as never)],
  ['timeoutMS', 'timeoutMs', () => createTable({ client: { send: () => {} }, table: 'table', timeoutMS: 1 } as never)],
];

describe('an option that does not exist', () => {
  it.each(misspelt)('%s is refused, and %s named', async (wrong, meant, run) => {
    await expect(async () => run()).rejects.toThrow(`Unknown option \`${wrong}\`; did you mean \`${meant}\`?`);
  });
});
