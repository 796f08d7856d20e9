import { defineConfig } from 'vitest/config';

// Tests of the repository as a whole: what would be published, and what the docs say.
export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['test/*.test.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: '.cache/vitest.json' },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
