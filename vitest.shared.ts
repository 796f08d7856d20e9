import type { ViteUserConfig } from 'vitest/config';

/** What every package's tests have in common; each package's own config spreads it. */
export const shared: NonNullable<ViteUserConfig['test']> = {
  include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
  reporters: ['default', 'json'],
  outputFile: { json: '.cache/vitest.json' },
};
