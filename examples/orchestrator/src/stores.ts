import { StoreError } from '@headgate/core';
import type { Hooks, LimiterStore, LockStore } from '@headgate/core';
import type { Config } from './config.js';

/** The stores of one instance and how to end them with their connections. */
export interface Stores {
  readonly limiterStore: LimiterStore;
  readonly lockStore: LockStore;
  close(): Promise<void>;
}

/** Opens the stores that `STORE` names. Only that adapter and its driver are loaded. A server that is away is no reason not to start. */
export async function openStores(config: Config, hooks: Hooks): Promise<Stores> {
  switch (config.store) {
    case 'memory':
      return openMemory(hooks);
    case 'redis':
      return openRedis(config);
    case 'postgres':
      return openPostgres(config);
    case 'dynamodb':
      return openDynamo(config, hooks);
  }
}

async function openMemory(hooks: Hooks): Promise<Stores> {
  const { memoryLimiterStore, memoryLockStore } = await import('@headgate/memory');
  return together(memoryLimiterStore({ hooks }), memoryLockStore());
}

async function openRedis({ redisUrl }: Config): Promise<Stores> {
  const { redisLimiterStore, redisLockStore } = await import('@headgate/redis');
  const { Redis } = await import('ioredis');
  // The stores work on duplicates of it; this one never connects. Half a second between attempts, so that an outage ends soon after the server is back.
  const client = new Redis(redisUrl, { lazyConnect: true, retryStrategy: (attempts) => Math.min(attempts * 100, 500) });
  return together(redisLimiterStore({ client }), redisLockStore({ client }), () => client.disconnect());
}

async function openPostgres({ databaseUrl }: Config): Promise<Stores> {
  const { migrate, postgresLimiterStore, postgresLockStore } = await import('@headgate/postgres');
  const { Pool } = (await import('pg')).default;
  const pool = new Pool({ connectionString: databaseUrl, max: 5, connectionTimeoutMillis: 2000 });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => console.error(`postgres: ${error.message}`));
  const stopPreparing = await prepare(() => migrate({ pool }));
  return together(postgresLimiterStore({ pool }), postgresLockStore({ connection: databaseUrl }), async () => {
    stopPreparing();
    await pool.end();
  });
}

async function openDynamo({ dynamoEndpoint }: Config, hooks: Hooks): Promise<Stores> {
  const { createTable, dynamoLimiterStore, dynamoLockStore } = await import('@headgate/dynamodb');
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const local = { region: 'local', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  const client = new DynamoDBClient(dynamoEndpoint === undefined ? {} : { endpoint: dynamoEndpoint, ...local });
  const options = { client, table: 'headgate', hooks };
  const stopPreparing = await prepare(() => createTable(options));
  return together(dynamoLimiterStore(options), dynamoLockStore(options), () => {
    stopPreparing();
    client.destroy();
  });
}

/** Makes tables now, or, while the server is away, as soon as it is there. Returns how to stop trying. */
async function prepare(setUp: () => Promise<void>): Promise<() => void> {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const attempt = async (): Promise<void> => {
    try {
      await setUp();
    } catch (error) {
      if (stopped) return;
      if (!(error instanceof StoreError)) throw error;
      console.error(`${error.message}; trying again`);
      timer = setTimeout(() => void attempt(), 1000).unref();
    }
  };
  await attempt();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function together(limiterStore: LimiterStore, lockStore: LockStore, end?: () => void | Promise<void>): Stores {
  return {
    limiterStore,
    lockStore,
    async close() {
      await Promise.all([limiterStore.close(), lockStore.close()]);
      await end?.();
    },
  };
}
