import { PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { manualClock } from '@headgate/conformance';
import { createTable, dynamoLimiterStore, dynamoLockStore } from '../src/index.js';
import { itemKey } from '../src/keys.js';
import { emulatorOf } from './service.js';
import type { LimiterFixture, LockFixture, RawRecord } from '@headgate/conformance';
import type { DynamoLimiterStoreOptions, DynamoLockStoreOptions } from '../src/index.js';
import type { Place } from './service.js';

async function recordsOf({ client, table }: Place): Promise<readonly RawRecord[]> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
  return Items.map(({ pk, t, ...rest }) => ({
    id: pk?.S ?? '',
    content: JSON.stringify(rest),
    expiresAtMs: t?.N === undefined ? undefined : Number(t.N) * 1000,
  }));
}

/** A limiter store under test; by moved time if asked. */
export function limiterFixture(
  place: Place,
  time: 'real' | 'moved',
  options: Partial<DynamoLimiterStoreOptions> = {},
): LimiterFixture {
  const { client, table, service, endpoint } = place;
  // Begins now: the emulator deletes by its own clock.
  const clock = time === 'moved' ? manualClock(Date.now() * 1000) : undefined;
  const open = (): ReturnType<typeof dynamoLimiterStore> =>
    dynamoLimiterStore({
      client,
      table,
      ...emulatorOf(service),
      ...(clock ? { clock, clockSource: 'client' } : {}),
      ...options,
    });
  return {
    store: open(),
    openPeer: open,
    ...(clock ? { clock } : {}),
    // The emulator removes by its own clock, which cannot be moved.
    ...(clock ? {} : { records: () => recordsOf(place) }),
    setup: () => createTable({ client, table, ...emulatorOf(service) }),
    writeForeignRecord: async (key) => {
      const { pk } = itemKey('limit', key);
      const Item = { pk: { S: pk }, w: { S: 'x' }, r: { S: '[2,"from the future"]' } };
      await client.send(new PutItemCommand({ TableName: table, Item }));
    },
    ...(clock
      ? {}
      : {
          program: {
            file: new URL('./programs/limiter-holder.mjs', import.meta.url),
            args: [endpoint, table, service],
          },
        }),
  };
}

/** Processes of one machine share its clock; what is allowed for keeps the tests that wait for an expiry short. */
const maxSkewMs = 100;

/** A lock store under test. Always in real time: what core does when its time is moved would not wait for the service's replies. */
export function lockFixture(place: Place, options: Partial<DynamoLockStoreOptions> = {}): LockFixture {
  const { client, table, service, endpoint } = place;
  const open = (): ReturnType<typeof dynamoLockStore> =>
    dynamoLockStore({ client, table, maxSkewMs, ...emulatorOf(service), ...options });
  return {
    store: open(),
    openPeer: open,
    program: {
      file: new URL('./programs/lock-holder.mjs', import.meta.url),
      args: [endpoint, table, service, String(maxSkewMs)],
    },
  };
}
