import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { durationMs, HeadgateError, StoreError, StoreTimeoutError } from '@headgate/core';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkClient, checkOptions, checkTable } from './client.js';
import { asStoreError } from './store-error.js';
import type { CreateTableCommandInput, TableDescription } from '@aws-sdk/client-dynamodb';
import type { DynamoClient, DynamoEmulator } from './client.js';

/** Name of the sparse index that holds the locks which are held. */
export const heldIndex = 'held';

/** Options of {@link createTable}. */
export interface CreateTableOptions {
  readonly client: DynamoClient;
  readonly table: string;
  /** Longest wait for the table to become active, milliseconds; default 60,000. */
  readonly timeoutMs?: number | undefined;
  /** `dynalite` has no TTL to switch on. */
  readonly emulator?: DynamoEmulator | undefined;
}

const pollMs = 100;

function definition(table: string): CreateTableCommandInput {
  return {
    TableName: table,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'g', AttributeType: 'S' },
    ],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [
      {
        IndexName: heldIndex,
        KeySchema: [{ AttributeName: 'g', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['s'] },
      },
    ],
  };
}

/**
 * Makes the table that both stores work on (on-demand billing, the index of held locks, TTL) and resolves when it is active. A table that is there is
 * left as it is, except that its TTL is switched on; so any number of processes may call this at any time. A table of other keys is refused with a
 * `StoreError`, as is a client without the permissions that the README lists for it. Takes the options of a store, too, as they are.
 */
export async function createTable(options: CreateTableOptions): Promise<void> {
  checkOptions(options);
  const client = checkClient(options.client);
  const table = checkTable(options.table);
  const timeoutMs = durationMs('timeoutMs', options.timeoutMs ?? 60_000);
  const place = { store: 'dynamodb', table };
  try {
    await client.send(new CreateTableCommand(definition(table))).catch((error: unknown) => {
      // Somebody made it already, or is about to.
      if ((error as Error).name !== 'ResourceInUseException') throw error;
    });
    checkSchema(await untilActive(client, table, timeoutMs), table);
    if (options.emulator !== 'dynalite') await switchOnTtl(client, table);
  } catch (error) {
    throw error instanceof HeadgateError ? error : asStoreError(error, place);
  }
}

async function untilActive(client: DynamoClient, table: string, timeoutMs: number): Promise<TableDescription> {
  for (const startedMs = performance.now(); ; ) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
    const indexes = Table?.GlobalSecondaryIndexes ?? [];
    if (Table?.TableStatus === 'ACTIVE' && indexes.every(({ IndexStatus }) => IndexStatus === 'ACTIVE')) return Table;
    if (performance.now() - startedMs > timeoutMs) {
      const message = `Table '${table}' was ${Table?.TableStatus} and not active after ${timeoutMs} ms`;
      throw new StoreTimeoutError(message, { store: 'dynamodb', timeoutMs });
    }
    await sleep(pollMs);
  }
}

function checkSchema({ KeySchema = [], GlobalSecondaryIndexes = [] }: TableDescription, table: string): void {
  const keys = KeySchema.map(({ AttributeName }) => AttributeName).join(', ');
  const indexed = GlobalSecondaryIndexes.some(({ IndexName }) => IndexName === heldIndex);
  if (keys === 'pk' && indexed) return;
  const found = keys === 'pk' ? `no index '${heldIndex}'` : `the key (${keys})`;
  throw new StoreError(`Table '${table}' is somebody else's: it has ${found}; choose another name`, {
    store: 'dynamodb',
    kind: 'other',
  });
}

async function switchOnTtl(client: DynamoClient, table: string): Promise<void> {
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: table }));
  const status = TimeToLiveDescription?.TimeToLiveStatus;
  if (status === 'ENABLED' || status === 'ENABLING') return;
  const TimeToLiveSpecification = { AttributeName: 't', Enabled: true };
  await client
    .send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification }))
    .catch((error: unknown) => {
      // Another process was faster: DynamoDB refuses a second change within the hour.
      if ((error as Error).name !== 'ValidationException') throw error;
    });
}
