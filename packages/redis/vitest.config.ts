import { defineConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

export default defineConfig({
  // Files run one at a time: several own a private server, and timing margins assume a machine that is not full.
  // The time limit is above what a test waits for in all, to form a cluster and see it recover: whatever is waited for in vain is then named.
  test: { ...shared, globalSetup: ['test/global-setup.ts'], fileParallelism: false, testTimeout: 90_000 },
});
