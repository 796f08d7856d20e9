import { defineConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

// One file at a time: most of them start servers, and some measure time.
export default defineConfig({ test: { ...shared, fileParallelism: false, testTimeout: 30_000 } });
