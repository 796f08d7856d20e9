import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { sharedServer } from '@headgate/test-servers';
import { createTable } from '../src/index.js';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { DynamoEmulator } from '../src/index.js';

/** The emulators every test runs on. */
export const services = ['dynamodb', 'dynalite'] as const;

/** One of them. */
export type Service = (typeof services)[number];

/** A client for an endpoint; emulators take any region and credentials. */
export function clientFor(endpoint: string, config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    ...config,
  });
}

/** The option that an emulator needs. */
export function emulatorOf(service: Service): { readonly emulator?: DynamoEmulator } {
  return service === 'dynalite' ? { emulator: 'dynalite' } : {};
}

/** An emulator, a client for it and a table of one's own. */
export interface Place {
  readonly service: Service;
  readonly endpoint: string;
  readonly client: DynamoDBClient;
  readonly table: string;
}

/** Makes a table on a shared emulator, or at the address given. */
export async function openPlace(service: Service, address?: string): Promise<Place> {
  const endpoint = address ?? (await sharedServer(service)).url;
  const client = clientFor(endpoint);
  const table = `t-${randomUUID()}`;
  await createTable({ client, table, ...emulatorOf(service) });
  return { service, endpoint, client, table };
}
