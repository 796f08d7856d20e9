import { limiterConformance, lockConformance } from '@headgate/conformance';
import { skipReason } from '@headgate/test-servers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { limiterFixture, lockFixture } from './fixtures.js';
import { openPlace, services } from './service.js';
import type { Place } from './service.js';

for (const service of services) {
  describe.skipIf(skipReason(service) !== undefined)(`conformance on ${service}`, () => {
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

    limiterConformance({
      describe,
      it,
      version: `@headgate/dynamodb on ${service}`,
      createStore: () => limiterFixture(place, 'real'),
    });
  });
}

// To the tick, which only a clock that stands still allows; what is stored where does not matter to it.
describe.skipIf(skipReason('dynamodb') !== undefined)('conformance in moved time', () => {
  let place: Place;
  beforeAll(async () => {
    place = await openPlace('dynamodb');
  });
  afterAll(() => place.client.destroy());

  limiterConformance({
    describe,
    it,
    version: '@headgate/dynamodb on dynamodb',
    only: ['model', 'time'],
    createStore: () => limiterFixture(place, 'moved'),
  });
});
