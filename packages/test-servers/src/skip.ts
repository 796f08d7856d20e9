import { findBinary } from './binaries.js';
import type { SharedServerName } from './shared-server.js';

/**
 * Why the tests of a server are left out, or `undefined` when they run. They are left out only on demand:
 * `HEADGATE_TEST_SKIP=redis,dynamodb`. A server that cannot be had is a failure, not a skip, but for
 * Valkey, which few machines have: it is tested where it is.
 */
export function skipReason(name: SharedServerName | 'pgbouncer' | 'prometheus' | 'chromium'): string | undefined {
  const skipped = (process.env['HEADGATE_TEST_SKIP'] ?? '').split(',').map((part) => part.trim());
  if (skipped.includes(name)) return `HEADGATE_TEST_SKIP names ${name}`;
  const isThere = name !== 'valkey' || process.env['HEADGATE_TEST_VALKEY_URL'] || findBinary('valkey-server');
  return isThere ? undefined : 'there is no valkey-server on PATH and no HEADGATE_TEST_VALKEY_BIN';
}
