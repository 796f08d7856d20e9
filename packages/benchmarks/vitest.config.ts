import { defineConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

export default defineConfig({
  // The guard owns private servers; it counts and does not time, so a slow machine only needs patience.
  test: { ...shared, fileParallelism: false, testTimeout: 60_000, hookTimeout: 60_000 },
});
