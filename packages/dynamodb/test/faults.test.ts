import { limiterConformance, lockConformance } from '@headgate/conformance';
import { skipReason } from '@headgate/test-servers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { openFaultyPlace } from './faulty-place.js';
import { limiterFixture, lockFixture } from './fixtures.js';
import { services } from './service.js';
import type { Faults } from '@headgate/conformance';
import type { FaultyPlace } from './faulty-place.js';
import type { Service } from './service.js';

/** The hooks exist before the server does: they ask for it when they are called. */
function hooksOf(service: Service, faulty: () => FaultyPlace): Faults {
  const names = [
    'pause',
    'resume',
    'dropConnections',
    'blackhole',
    'heal',
    'dropReply',
    'skewClock',
    'wipe',
    'counters',
  ] as const;
  const restarts = ['kill', 'restartStore'] as const;
  const known = service === 'dynamodb' ? [...names, ...restarts] : names;
  return Object.fromEntries(
    known.map((name) => [
      name,
      (...args: never[]) => (faulty().faults[name] as (...args: never[]) => unknown)(...args),
    ]),
  );
}

for (const service of services) {
  describe.skipIf(skipReason(service) !== undefined)(`${service} behind a fault proxy`, () => {
    let faulty: FaultyPlace;
    beforeAll(async () => {
      faulty = await openFaultyPlace(service);
    });
    afterAll(() => faulty.close());

    const faults = hooksOf(service, () => faulty);
    const version = `@headgate/dynamodb on ${service}`;
    limiterConformance({
      describe,
      it,
      version,
      faults,
      only: ['faults', 'budget', 'time/skewed-client'],
      createStore: () => limiterFixture(faulty.place, 'real', { clock: faulty.clock() }),
    });
    lockConformance({
      describe,
      it,
      version,
      faults,
      only: ['faults', 'fence/rises-over-loss-of-all-data'],
      createStore: () => lockFixture(faulty.place, { clock: faulty.clock() }),
    });
  });
}
