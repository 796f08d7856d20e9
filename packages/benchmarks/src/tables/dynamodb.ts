import { startDynamoDbLocal } from '@headgate/test-servers';
import { RateLimiterDynamo } from 'rate-limiter-flexible';
import { concurrently } from '../concurrent.js';
import { startProcesses } from '../process-group.js';
import { countingClient, headgateLimiter, headgateLocks, makeTable } from './dynamodb-headgate.js';
import { keyOf, keys, plenty, url } from './given.js';
import type { Runner, Table, Workload } from '../table.js';

/** Adds requests per decision to what a loop measures. */
function counted({ round }: Pick<Runner, 'round'>, requests: () => number, close: () => Promise<void>): Runner {
  return {
    async round(ms) {
      const before = requests();
      const began = performance.now();
      const { value } = await round(ms);
      const decisions = (value * (performance.now() - began)) / 1000;
      const made = requests() - before;
      return { value, details: { requests: made / decisions, 'decisions per request': decisions / Math.max(made, 1) } };
    },
    close,
  };
}

/** The peer on its own table: a fixed window per key. */
async function flexible(
  endpoint: string,
): Promise<{ consume(key: string): Promise<unknown>; requests(): number; close(): Promise<void> }> {
  const { client, requests } = countingClient(endpoint);
  const limiter = await new Promise<RateLimiterDynamo>((resolve, reject) => {
    const made: RateLimiterDynamo = new RateLimiterDynamo(
      { storeClient: client, tableName: `flexible-${process.pid}`, points: plenty * 100, duration: 3600 },
      (error?: Error) => (error ? reject(error) : resolve(made)),
    );
  });
  return { consume: (key) => limiter.consume(key), requests, close: async () => client.destroy() };
}

/** Makes a limiter warm: every key was seen once. */
async function visitAll(visit: readonly string[], consume: (key: string) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < visit.length; from += 100) await Promise.all(visit.slice(from, from + 100).map(consume));
}

/** The same callers for both limiters. */
function limiterWorkload(
  id: string,
  title: string,
  callers: number,
  key: (n: number) => string,
  visit: readonly string[],
): Workload {
  return {
    id,
    title,
    unit: 'decisions/s',
    rounds: { count: 5, ms: 1_500 },
    contestants: {
      async headgate(env) {
        const { limiter, requests, close } = headgateLimiter(url(env), plenty);
        await visitAll(visit, (each) => limiter.consume(each));
        return counted(
          concurrently(callers, (n) => limiter.consume(key(n))),
          requests,
          close,
        );
      },
      async 'rate-limiter-flexible'(env) {
        const { consume, requests, close } = await flexible(url(env));
        await visitAll(visit, consume);
        return counted(
          concurrently(callers, (n) => consume(key(n))),
          requests,
          close,
        );
      },
    },
  };
}

/** Callers on one hot key in several processes. */
async function hotProcesses(endpoint: string, count: number): Promise<Runner> {
  const { work, close } = await startProcesses<{ readonly decisions: number; readonly requests: number }>(
    new URL('../dynamodb-callers.js', import.meta.url),
    Array.from({ length: count }, () => [endpoint, '256']),
  );
  return {
    async round(ms) {
      const replies = await work(ms);
      const decisions = replies.reduce((sum, reply) => sum + reply.decisions, 0);
      const requests = replies.reduce((sum, reply) => sum + reply.requests, 0);
      return { value: (decisions / ms) * 1000, details: { 'decisions per request': decisions / requests } };
    },
    close,
  };
}

const waitMs = 30_000;

/** Waits 30 s in vain for a lock that another store holds, and counts what that took. */
async function longWait(endpoint: string): Promise<Runner> {
  const holder = headgateLocks(endpoint);
  const waiter = headgateLocks(endpoint);
  await holder.locks.acquire('long');
  await waiter.locks.inspect('other');
  return {
    async round() {
      const before = { ...waiter.counts };
      const ended = await waiter.locks.acquire('long', { waitMs }).then(
        () => 'acquired',
        ({ code }: { code: string }) => code,
      );
      if (ended !== 'HEADGATE_ACQUIRE_TIMEOUT') throw new Error(`The wait ended with ${ended}`);
      const made = (command: string): number => (waiter.counts[command] ?? 0) - (before[command] ?? 0);
      const writes = made('PutItemCommand');
      const reads = made('GetItemCommand');
      return { value: writes + reads, details: { writes, reads } };
    },
    close: async () => void (await Promise.all([holder.close(), waiter.close()])),
  };
}

/** Limits and locks over one DynamoDB Local. */
export const dynamodb: Table = {
  name: 'dynamodb',
  title: 'DynamoDB',
  about:
    'One DynamoDB Local on 127.0.0.1, the same SDK client for both limiters. Requests are what users pay for, so they are the figure; the emulator’s speed says nothing about AWS. ' +
    'Requests are counted inside the SDK’s retries.',
  packages: ['@headgate/dynamodb', 'rate-limiter-flexible', '@aws-sdk/client-dynamodb'],
  async setup() {
    const server = await startDynamoDbLocal();
    await makeTable(server.url);
    return { env: { url: server.url }, stop: () => server.stop() };
  },
  workloads: [
    limiterWorkload('keys', '10,000 keys, 64 callers, warm', 64, keyOf, keys),
    limiterWorkload('hot', 'one hot key, 256 callers', 256, () => 'hot', ['hot']),
    {
      id: 'hot-4',
      title: 'one hot key, 4 processes of 256 callers',
      unit: 'decisions/s',
      rounds: { count: 5, ms: 1_500 },
      contestants: { headgate: (env) => hotProcesses(url(env), 4) },
    },
    {
      id: 'denials',
      title: 'denials with the deny cache',
      unit: 'decisions/s',
      contestants: {
        async headgate(env) {
          const { limiter, requests, close } = headgateLimiter(url(env), 1, true);
          const few = keys.slice(0, 100).map((key) => `denied:${key}`);
          for (const key of few) await limiter.consume(key);
          return counted(
            concurrently(64, (n) => limiter.consume(few[n % few.length] as string)),
            requests,
            close,
          );
        },
      },
    },
    {
      id: 'locks',
      title: 'acquire and release, 16 callers with keys of their own',
      unit: 'pairs/s',
      contestants: {
        async headgate(env) {
          const { locks, requests, close } = headgateLocks(url(env));
          const pair = async (n: number): Promise<void> => {
            const lock = await locks.acquire(`lock:${n}`);
            await lock.release();
          };
          await pair(-1);
          return counted(concurrently(16, pair), requests, close);
        },
      },
    },
    {
      id: 'wait',
      title: 'a wait of 30 s in vain',
      unit: 'requests',
      rounds: { count: 1, ms: waitMs },
      contestants: { headgate: (env) => longWait(url(env)) },
    },
  ],
  rows: [
    {
      title: 'requests per admitted decision, 10,000 warm keys',
      unit: '',
      must: { atMost: 1.05 },
      value: ({ median }) => median('keys', 'headgate', 'requests'),
    },
    {
      title: 'the same, rate-limiter-flexible',
      unit: '',
      value: ({ median }) => median('keys', 'rate-limiter-flexible', 'requests'),
    },
    {
      title: 'decisions per request, one hot key, one process',
      unit: '',
      must: { atLeast: 20 },
      goal: { atLeast: 60 },
      value: ({ median }) => median('hot', 'headgate', 'decisions per request'),
    },
    {
      title: 'decisions per request, one hot key, 4 processes',
      unit: '',
      must: { atLeast: 8 },
      goal: { atLeast: 20 },
      value: ({ median }) => median('hot-4', 'headgate', 'decisions per request'),
    },
    {
      title: 'requests per denial with the deny cache',
      unit: '',
      must: { atMost: 0.01 },
      value: ({ median }) => median('denials', 'headgate', 'requests'),
    },
    {
      title: 'decisions on one hot key, to rate-limiter-flexible',
      unit: 'x',
      must: { atLeast: 20 },
      value: ({ ratio }) => ratio(['hot', 'headgate'], ['hot', 'rate-limiter-flexible']),
    },
    {
      title: 'requests per acquire and release',
      unit: '',
      must: { atMost: 2 },
      value: ({ median }) => median('locks', 'headgate', 'requests'),
    },
    {
      title: 'writes in a wait of 30 s',
      unit: '',
      must: { atMost: 1 },
      value: ({ median }) => median('wait', 'headgate', 'writes'),
    },
    {
      title: 'reads in a wait of 30 s',
      unit: '',
      must: { atMost: 12 },
      value: ({ median }) => median('wait', 'headgate', 'reads'),
    },
  ],
};
