import type { SharedServerName } from './shared-server.js';

/**
 * Why the tests of a server are left out, or `undefined` when they run. They are left out only on demand:
 * `HEADGATE_TEST_SKIP=redis,dynamodb`. A server that cannot be had is a failure, not a skip.
 */
export function skipReason(name: SharedServerName | 'pgbouncer' | 'prometheus' | 'chromium'): string | undefined {
  const skipped = (process.env['HEADGATE_TEST_SKIP'] ?? '').split(',').map((part) => part.trim());
  return skipped.includes(name) ? `HEADGATE_TEST_SKIP names ${name}` : undefined;
}
