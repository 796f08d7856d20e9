import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { fixedWindow, InvalidArgumentError } from '@headgate/core';
import { createHttpFaultProxy, sharedServer, skipReason } from '@headgate/test-servers';
import { describe, it } from 'vitest';
import { createTable, dynamoLimiterStore, dynamoLockStore } from '../src/index.js';
import { clientFor, emulatorOf, openPlace, services } from './service.js';
import type { DynamoClient } from '../src/index.js';

const limits = [fixedWindow({ limit: 1, windowMs: 1_000 })];

/** What a first call fails with, as `code kind: message`. */
async function failureOf(client: DynamoClient, table: string): Promise<string> {
  const store = dynamoLimiterStore({ client, table });
  const describeError = (error: unknown): string => {
    const { code, kind, message } = error as { code: string; kind: string; message: string };
    return `${code} ${kind}: ${message}`;
  };
  try {
    const [result] = await store.decide([{ key: 'k', limits, ops: [{ kind: 'consume', cost: 1 }] }], {});
    return result && 'error' in result ? describeError(result.error) : 'no failure';
  } catch (error) {
    return describeError(error);
  } finally {
    await store.close();
  }
}

describe('options', () => {
  const client = { send: () => Promise.reject(new Error('not called')) } as unknown as DynamoClient;

  it('are checked before anything is sent', () => {
    for (const bad of [
      { client: {} as DynamoClient, table: 'headgate' },
      { client, table: '' },
      { client, table: 'no spaces' },
      { client, table: 'headgate', timeoutMs: 0 },
      { client, table: 'headgate', maxSkewMs: -1 },
      { client, table: 'headgate', maxCachedKeys: 1.5 },
      { client, table: 'headgate', clockSource: 'sundial' as 'client' },
      { client, table: 'headgate', emulator: 'localstack' as 'dynalite' },
      { client, table: 'headgate', name: 'no spaces' },
    ]) {
      assert.throws(() => dynamoLimiterStore(bad), InvalidArgumentError, JSON.stringify(bad));
      assert.throws(() => dynamoLockStore(bad), InvalidArgumentError, JSON.stringify(bad));
    }
  });

  it('say what an emulator cannot do', () => {
    const onDynalite = dynamoLockStore({ client, table: 'headgate', emulator: 'dynalite' });
    assert.equal(onDynalite.capabilities.atomicAcquireAll, false);
    assert.equal(onDynalite.acquireAll, undefined);
    assert.equal(dynamoLockStore({ client, table: 'headgate' }).capabilities.atomicAcquireAll, true);
    assert.equal(
      dynamoLimiterStore({ client, table: 'headgate', emulator: 'dynalite' }).capabilities.removalLagMs,
      Infinity,
    );
  });

  it('end with close: a closed store says so', async () => {
    const [limiter, locks] = [
      dynamoLimiterStore({ client, table: 'headgate' }),
      dynamoLockStore({ client, table: 'headgate' }),
    ];
    await Promise.all([limiter.close(), locks.close()]);
    await assert.rejects(limiter.decide([{ key: 'k', limits, ops: [{ kind: 'peek', cost: 1 }] }], {}), {
      code: 'HEADGATE_CLOSED',
    });
    await assert.rejects(locks.inspect('k'), { code: 'HEADGATE_CLOSED' });
  });
});

for (const service of services) {
  describe.skipIf(skipReason(service) !== undefined)(`failures on ${service}`, () => {
    it('name createTable when the table is missing or another', async () => {
      const { url } = await sharedServer(service);
      const client = clientFor(url);
      assert.match(
        await failureOf(client, `missing-${randomUUID()}`),
        /^HEADGATE_STORE other: .*has no table.*createTable\(/,
      );
      const table = `other-${randomUUID()}`;
      await client.send(
        new CreateTableCommand({
          TableName: table,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        }),
      );
      assert.match(
        await failureOf(client, table),
        /^HEADGATE_STORE other: .*does not have the keys and index of createTable\(/,
      );
      await assert.rejects(
        createTable({ client, table, ...emulatorOf(service) }),
        /somebody else's: it has the key \(id\)/,
      );
      client.destroy();
    });

    it('do not come from ten setups at once, which leave an active on-demand table with its index', async () => {
      const { client, table } = await openPlace(service);
      await Promise.all(Array.from({ length: 10 }, () => createTable({ client, table, ...emulatorOf(service) })));
      const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
      assert.equal(Table?.TableStatus, 'ACTIVE');
      assert.equal(Table?.BillingModeSummary?.BillingMode, 'PAY_PER_REQUEST');
      assert.deepEqual(
        Table?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName),
        ['held'],
      );
      if (service === 'dynamodb') {
        const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: table }));
        assert.equal(TimeToLiveDescription?.AttributeName, 't');
        assert.equal(TimeToLiveDescription?.TimeToLiveStatus, 'ENABLED');
      }
      client.destroy();
    });
  });
}

describe.skipIf(skipReason('dynamodb') !== undefined)('failures of the client', () => {
  it('say what to do about credentials, region and permissions', async () => {
    const { url } = await sharedServer('dynamodb');
    const region = 'us-east-1';
    const none = new DynamoDBClient({
      endpoint: url,
      region,
      credentials: () =>
        Promise.reject(Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' })),
    });
    assert.match(await failureOf(none, 'headgate'), /^HEADGATE_STORE auth: .*no credentials/);
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    const nowhere = new DynamoDBClient({
      endpoint: url,
      credentials,
      region: () => Promise.reject<string>(new Error('Region is missing')),
    });
    assert.match(await failureOf(nowhere, 'headgate'), /^HEADGATE_STORE auth: .*AWS_REGION/);

    const { hostname: host, port } = new URL(url);
    const proxy = await createHttpFaultProxy({ target: { host, port: Number(port) } });
    const client = clientFor(proxy.url, { maxAttempts: 1 });
    const body = {
      __type: 'com.amazon.coral.service#AccessDeniedException',
      Message: 'not authorized to perform: dynamodb:GetItem',
    };
    proxy.answerNext(1, { status: 400, body });
    assert.match(
      await failureOf(client, 'headgate'),
      /^HEADGATE_STORE auth: .*AccessDeniedException.*README lists the permissions/,
    );
    for (const each of [none, nowhere, client]) each.destroy();
    await proxy.stop();
  });
});
