import { defineConfig } from 'vitest/config';
import { shared } from '../vitest.shared.ts';

// Tests of the repository as a whole: what would be published, and what the docs say.
export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    ...shared,
    include: ['test/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
