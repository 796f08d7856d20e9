import { defineConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

// Most tests start servers and processes first, which takes seconds on a busy machine.
export default defineConfig({ test: { ...shared, testTimeout: 30_000 } });
