import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { createLimiter, createLocks, tokenBucket } from '@headgate/core';
import { createTable, dynamoLimiterStore, dynamoLockStore } from '@headgate/dynamodb';
import type { Limiter, Locks } from '@headgate/core';

const hourMs = 3_600_000;
const table = 'headgate';

/** Requests by operation, repetitions included. */
export type Counts = Record<string, number>;

/** A client of an emulator that counts what it sends. */
export function countingClient(endpoint: string): { client: DynamoDB; counts: Counts; requests(): number } {
  const client = new DynamoDB({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
    requestHandler: { httpsAgent: {}, httpAgent: { maxSockets: 128, keepAlive: true } },
  });
  const counts: Counts = {};
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        counts[commandName] = (counts[commandName] ?? 0) + 1;
        return next(args);
      },
    // Inside the SDK's retries.
    { step: 'deserialize', name: 'countRequests' },
  );
  return { client, counts, requests: () => Object.values(counts).reduce((sum, n) => sum + n, 0) };
}

/** Makes Headgate's table. */
export async function makeTable(endpoint: string): Promise<void> {
  const { client } = countingClient(endpoint);
  await createTable({ client, table });
  client.destroy();
}

/** A Headgate limiter over DynamoDB: an exact token bucket. */
export function headgateLimiter(
  endpoint: string,
  capacity: number,
  denyCache = false,
): { limiter: Limiter; requests(): number; close(): Promise<void> } {
  const { client, requests } = countingClient(endpoint);
  const store = dynamoLimiterStore({ client, table });
  const limits = tokenBucket({ capacity, refillTokens: 1, refillIntervalMs: hourMs });
  const timeoutMs = 10_000;
  const limiter = createLimiter({ name: 'bench', store, limits, timeoutMs, ...(denyCache ? { denyCache: {} } : {}) });
  return {
    limiter,
    requests,
    close: async () => {
      await limiter.close();
      await store.close();
      client.destroy();
    },
  };
}

/** Headgate locks over DynamoDB. */
export function headgateLocks(endpoint: string): {
  locks: Locks;
  counts: Counts;
  requests(): number;
  close(): Promise<void>;
} {
  const { client, counts, requests } = countingClient(endpoint);
  const store = dynamoLockStore({ client, table });
  const locks = createLocks({ name: 'bench', store, ttlMs: 30_000, timeoutMs: 10_000 });
  return {
    locks,
    counts,
    requests,
    close: async () => {
      await locks.close();
      await store.close();
      client.destroy();
    },
  };
}
