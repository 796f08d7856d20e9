import { mkdirSync, writeFileSync } from 'node:fs';
import type { ViteUserConfig } from 'vitest/config';
import type { Reporter } from 'vitest/reporters';

/** vitest's JSON names no error that came outside of a test (an unhandled rejection); `scripts/reports.mjs` reads it here. */
const outsideOfTests: Reporter = {
  onTestRunEnd(_modules, errors) {
    mkdirSync('.cache', { recursive: true });
    writeFileSync('.cache/outside-of-tests.txt', errors.map(({ stack, message }) => stack ?? message).join('\n'));
  },
};

/** What every package's tests have in common; each package's own config spreads it. */
export const shared: NonNullable<ViteUserConfig['test']> = {
  include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
  reporters: ['default', 'json', outsideOfTests],
  outputFile: { json: '.cache/vitest.json' },
  // What hooks start gives up by itself, and then says why: a cluster may take half a minute to form on a busy machine.
  hookTimeout: 60_000,
  // Vitest's own second is less than what a busy machine may take from a process at once.
  expect: { poll: { timeout: 10_000 } },
};
