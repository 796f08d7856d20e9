import { defineConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

// Most of the time is waited, not worked, so the two files run side by side on any machine.
export default defineConfig({ test: { ...shared, maxWorkers: 2 } });
