import { describe, expect, it } from 'vitest';
import { migrate, postgresLimiterStore, postgresLockStore, schemaSql } from './index.js';

// What plain JavaScript lets through: none of these compile.
const misspelt: readonly [string, string, () => unknown][] = [
  ['schemas', 'schema', () => postgresLimiterStore({ pool: {}, schemas: 'app' } as never)],
  ['pool', 'prefix', () => postgresLockStore({ pool: {} } as never)],
  ['ttlClassMs', 'ttlClassesMs', () => postgresLockStore({ ttlClassMs: [1] } as never)],
  ['unloged', 'unlogged', () => schemaSql({ unloged: true } as never)],
  ['unloged', 'unlogged', () => migrate({ pool: { query: () => expect.unreachable() }, unloged: true } as never)],
];

describe('an option that does not exist', () => {
  it.each(misspelt)('%s is refused, and %s named', async (wrong, meant, run) => {
    await expect(async () => run()).rejects.toThrow(`Unknown option \`${wrong}\`; did you mean \`${meant}\`?`);
  });
});
