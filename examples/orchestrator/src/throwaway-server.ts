import { startDynamoDbLocal, startPostgres, startRedis } from '@headgate/test-servers';

/** A server that lives as long as the demonstration, and the environment that leads an instance to it. */
export interface ThrowawayServer {
  readonly env: Record<string, string>;
  stop(): Promise<void>;
}

/** Starts a real server of the named store in a folder of its own. */
export async function startServer(store: string): Promise<ThrowawayServer> {
  switch (store) {
    case 'redis': {
      const server = await startRedis();
      return { env: { REDIS_URL: server.url }, stop: () => server.stop() };
    }
    case 'postgres': {
      const server = await startPostgres();
      return { env: { DATABASE_URL: server.url }, stop: () => server.stop() };
    }
    case 'dynamodb': {
      const server = await startDynamoDbLocal();
      return { env: { DYNAMODB_ENDPOINT: server.url }, stop: () => server.stop() };
    }
    default:
      throw new Error(`Expected --store to be redis, postgres or dynamodb (memory is not shared), got '${store}'`);
  }
}
