import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { systemClock } from '@headgate/core';
import { createHttpFaultProxy, startDynalite, startDynamoDbLocal } from '@headgate/test-servers';
import { createTable } from '../src/index.js';
import { clientFor, emulatorOf, openPlace } from './service.js';
import type { Clock } from '@headgate/core';
import type { Faults } from '@headgate/conformance';
import type { HttpFaultProxy, TestServer } from '@headgate/test-servers';
import type { Place, Service } from './service.js';

/** A private emulator behind a proxy, and everything that can be done to the two. */
export interface FaultyPlace {
  /** Its client goes through the proxy. */
  readonly place: Place;
  readonly proxy: HttpFaultProxy;
  readonly server: TestServer;
  readonly faults: Faults;
  /** The clock of stores made from now on; `skewClock` shifts it. */
  clock(): Clock;
  close(): Promise<void>;
}

const writes = /DynamoDB_20120810\.(PutItem|DeleteItem|BatchExecuteStatement|TransactWriteItems)/;

/** The operation of a request, as in `PutItem`. */
export function operationOf({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): string {
  return String(headers['x-amz-target']).replace('DynamoDB_20120810.', '');
}

/** Starts it. DynamoDB Local keeps its data over a restart; dynalite has none to keep. */
export async function openFaultyPlace(service: Service): Promise<FaultyPlace> {
  const server = service === 'dynamodb' ? await startDynamoDbLocal({ persist: true }) : await startDynalite();
  const proxy = await createHttpFaultProxy({ target: server });
  const direct = await openPlace(service, server.url);
  const place: Place = { ...direct, endpoint: proxy.url, client: clientFor(proxy.url) };
  let skewMs = 0;
  return {
    place,
    proxy,
    server,
    clock: () => {
      const shiftUs = skewMs * 1000;
      return { ...systemClock, nowUs: () => systemClock.nowUs() + shiftUs };
    },
    faults: {
      ...(service === 'dynamodb' ? { kill: () => server.kill(), restartStore: () => server.restart() } : {}),
      pause: async () => server.pause(),
      resume: async () => server.resume(),
      dropConnections: async () => proxy.cut(),
      blackhole: async () => proxy.blackhole('both'),
      heal: async () => proxy.pass(),
      // Not awaited here: what is resolved is that it is armed.
      dropReply: async () => ({
        lost: proxy.dropNextReply({ when: (request) => writes.test(request.toString('latin1')) }),
      }),
      skewClock: async (ms) => {
        skewMs = ms;
      },
      wipe: async () => {
        await direct.client.send(new DeleteTableCommand({ TableName: direct.table }));
        await createTable({ client: direct.client, table: direct.table, ...emulatorOf(service) });
      },
      counters: () => ({
        requests: proxy.requests.length,
        writes: proxy.requests.filter((request) => writes.test(String(request.headers['x-amz-target']))).length,
      }),
    },
    close: async () => {
      place.client.destroy();
      direct.client.destroy();
      await proxy.stop();
      await server.stop();
    },
  };
}
