import { limiterConformance, lockConformance } from '@headgate/conformance';
import { skipReason } from '@headgate/test-servers';
import { describe, it } from 'vitest';
import { limiterFixture, lockFixture } from './fixtures.js';

const runs = [
  ['redis', 'ioredis 6'],
  ['redis', 'ioredis 5'],
  ['redis-cluster', 'ioredis 6'],
  ['redis-cluster', 'ioredis 5'],
  ['valkey', 'ioredis 6'],
] as const;

for (const [kind, driver] of runs) {
  const reason = skipReason(kind);
  describe.skipIf(reason !== undefined)(`${kind} through ${driver}${reason ? ` (skipped: ${reason})` : ''}`, () => {
    const version = `@headgate/redis over ${driver}, ${kind}`;
    limiterConformance({ describe, it, version, createStore: () => limiterFixture(driver, kind) });
    lockConformance({ describe, it, version, createStore: () => lockFixture(driver, kind) });
  });
}
