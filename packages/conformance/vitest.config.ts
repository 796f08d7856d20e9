import { defineConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

export default defineConfig({
  // Vitest takes one worker on two cores. These files own no server and mostly wait: two at a time leave the machine idle enough for their margins.
  test: { ...shared, maxWorkers: 2 },
});
