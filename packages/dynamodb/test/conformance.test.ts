import { limiterConformance, lockConformance } from '@headgate/conformance';
import { skipReason } from '@headgate/test-servers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { limiterFixture, lockFixture } from './fixtures.js';
import { openPlace, services } from './service.js';
import type { Place } from './service.js';

for (const service of services) {
  describe.skipIf(skipReason(service) !== undefined)(service, () => {
    let place: Place;
    beforeAll(async () => {
      place = await openPlace(service);
    });
    afterAll(() => place.client.destroy());

    lockConformance({
      describe,
      it,
      version: `@headgate/dynamodb on ${service}`,
      createStore: () => lockFixture(place),
    });

    for (const time of ['real', 'moved'] as const) {
      describe(`${time} time`, () => {
        const version = `@headgate/dynamodb on ${service}, ${time} time`;
        limiterConformance({ describe, it, version, createStore: () => limiterFixture(place, time) });
      });
    }
  });
}
