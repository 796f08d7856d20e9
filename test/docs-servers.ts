import { sharedServer, skipReason } from '@headgate/test-servers';
import type { Setup } from './docs-blocks.js';

/** The variable by which a block finds each server. */
const variables: Readonly<Record<Setup, string>> = {
  redis: 'REDIS_URL',
  'redis-cluster': 'REDIS_CLUSTER_NODES',
  postgres: 'POSTGRES_URL',
  // The AWS SDK reads this one itself, so that `new DynamoDBClient()` needs no endpoint.
  dynamodb: 'AWS_ENDPOINT_URL_DYNAMODB',
};

const credentials = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
const started = new Set<Setup>();

/** Why a block that needs these servers must not run, if so: `HEADGATE_TEST_SKIP` names one of them. */
export function skippedServer(setup: readonly Setup[]): string | undefined {
  return setup.map(skipReason).find((reason) => reason !== undefined);
}

/** Starts what a block asks for, once for all blocks, and returns the variables that name it. */
export async function environmentFor(setup: readonly Setup[]): Promise<Record<string, string>> {
  const environment: Record<string, string> = { ...credentials };
  for (const name of setup) {
    started.add(name);
    environment[variables[name]] = (await sharedServer(name)).url;
  }
  return environment;
}

/** Ends every server that a block has asked for. */
export async function stopServers(): Promise<void> {
  for (const name of started) await (await sharedServer(name)).stop();
}
