import { describe, expect, it } from 'vitest';
import { prometheusHooks } from './index.js';

// What plain JavaScript lets through: none of these compile.
const misspelt: readonly [string, string, () => unknown][] = [
  ['registry', 'register', () => prometheusHooks({ registry: {} } as never)],
];

describe('an option that does not exist', () => {
  it.each(misspelt)('%s is refused, and %s named', async (wrong, meant, run) => {
    await expect(async () => run()).rejects.toThrow(`Unknown option \`${wrong}\`; did you mean \`${meant}\`?`);
  });
});
