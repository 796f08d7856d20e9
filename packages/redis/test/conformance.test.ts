import { limiterConformance, lockConformance } from '@headgate/conformance';
import { skipReason } from '@headgate/test-servers';
import { describe, it } from 'vitest';
import { drivers, limiterFixture, lockFixture } from './fixtures.js';
import type { DriverName } from './fixtures.js';

for (const driver of Object.keys(drivers) as DriverName[]) {
  for (const kind of ['redis', 'redis-cluster'] as const) {
    describe.skipIf(skipReason(kind) !== undefined)(`${kind} through ${driver}`, () => {
      const version = `@headgate/redis over ${driver}, ${kind}`;
      limiterConformance({ describe, it, version, createStore: () => limiterFixture(driver, kind) });
      lockConformance({ describe, it, version, createStore: () => lockFixture(driver, kind) });
    });
  }
}
