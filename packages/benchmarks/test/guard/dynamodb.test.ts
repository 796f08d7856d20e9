import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createLimiter, tokenBucket } from '@headgate/core';
import { createTable, dynamoLimiterStore } from '@headgate/dynamodb';
import { startDynamoDbLocal } from '@headgate/test-servers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { overspent } from './costs.js';
import { stepByStep, ungathered } from './unbatched.js';
import type { LimiterStore } from '@headgate/core';
import type { TestServer } from '@headgate/test-servers';
import type { Costs } from './costs.js';

/* The costs of the design on DynamoDB, counted and not timed: requests by a middleware of the client. Every request is paid for. */

const callers = 256;
// 32 callers at once cost a key two requests: that of the first, and that of those who came meanwhile.
const budget: Costs = { requestsPerKey: 1, requestsPerDecision: 2 / 32, requestsPerDenial: 2 / 32 };

let server: TestServer;
let client: DynamoDBClient;
let requests = 0;
let names = 0;

beforeAll(async () => {
  server = await startDynamoDbLocal();
  client = new DynamoDBClient({
    endpoint: server.url,
    region: 'local',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await createTable({ client, table: 'guard' });
  client.middlewareStack.add(
    (next) => (args) => {
      requests++;
      return next(args);
    },
    { step: 'initialize', name: 'guard' },
  );
});
afterAll(async () => {
  client.destroy();
  await server.stop();
});

/** 8 warm keys, one call each; 256 callers over them; then as many that are all denied. */
async function costs(wrap: (store: LimiterStore) => LimiterStore): Promise<Costs> {
  const store = dynamoLimiterStore({ client, table: 'guard' });
  const limits = tokenBucket({ capacity: 2 + callers / 8, refillTokens: 1, refillIntervalMs: 3_600_000 });
  const limiter = createLimiter({ name: `guard${names++}`, store: wrap(store), limits, timeoutMs: 60_000 });
  const calls = async (count: number, allowed: boolean): Promise<number> => {
    const before = requests;
    const decisions = await Promise.all(
      Array.from({ length: count }, (_, caller) => limiter.consume(`user:${caller % 8}`)),
    );
    expect(new Set(decisions.map((decision) => decision.allowed))).toEqual(new Set([allowed]));
    return requests - before;
  };
  await calls(8, true); // learns the service's time and what the keys hold
  const alone = await calls(8, true);
  const admitted = await calls(callers, true);
  const denied = await calls(callers, false);
  await limiter.close();
  await store.close();
  return {
    requestsPerKey: alone / 8,
    requestsPerDecision: admitted / callers,
    requestsPerDenial: denied / callers,
  };
}

it('one request for a warm key whoever asks, and two for 32 callers, admitted or denied', async () => {
  expect(overspent(await costs((store) => store), budget)).toEqual([]);
});

it.each([
  ['a store that decides step by step', stepByStep],
  ['core not gathering', ungathered],
])('the guard sees %s', async (_, wrap) => {
  expect(overspent(await costs(wrap), budget)).toContainEqual(expect.stringContaining('requestsPerDecision'));
});
