import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Stores the example can run on. */
export type StoreName = 'memory' | 'redis' | 'postgres' | 'dynamodb';

const storeNames: readonly StoreName[] = ['memory', 'redis', 'postgres', 'dynamodb'];

/** Everything the environment decides. */
export interface Config {
  readonly port: number;
  readonly store: StoreName;
  /** Shown on the page; one process each. */
  readonly instance: string;
  /** How many instances share the limits: an outage leaves each its share. */
  readonly instances: number;
  /** Where `PUT /files` writes. */
  readonly workFolder: string;
  /** Simulated workers that lock, edit and release files. */
  readonly demo: boolean;
  /** Bearer token of `POST /admin/locks/release`; the route is off when unset. */
  readonly adminToken: string | undefined;
  /** Tasks per tenant: a burst per second, and a total per minute. */
  readonly tasksPerSecond: number;
  readonly tasksPerMinute: number;
  readonly lockTtlMs: number;
  /** Longest wait of a task for the shared store before this instance's memory decides. */
  readonly storeTimeoutMs: number;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly dynamoEndpoint: string | undefined;
}

function positiveInteger(env: NodeJS.ProcessEnv, name: string, fallback: number, most: number): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > most || (value === 0 && name !== 'PORT')) {
    throw new Error(`Expected ${name} to be an integer from ${name === 'PORT' ? 0 : 1} to ${most}, got '${text}'`);
  }
  return value;
}

/** Reads the configuration from environment variables; throws with the variable's name when one makes no sense. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const store = (env['STORE'] ?? 'memory') as StoreName;
  if (!storeNames.includes(store))
    throw new Error(`Expected STORE to be one of ${storeNames.join(', ')}, got '${store}'`);
  const port = positiveInteger(env, 'PORT', 3000, 65_535);
  return {
    port,
    store,
    instance: env['INSTANCE'] ?? `orchestrator-${process.pid}`,
    instances: positiveInteger(env, 'INSTANCES', 1, 10_000),
    workFolder: env['WORK_FOLDER'] ?? join(tmpdir(), 'headgate-orchestrator'),
    demo: env['DEMO'] !== '0',
    adminToken: env['ADMIN_TOKEN'] || undefined,
    tasksPerSecond: positiveInteger(env, 'TASKS_PER_SECOND', 20, 1_000_000),
    tasksPerMinute: positiveInteger(env, 'TASKS_PER_MINUTE', 600, 1_000_000),
    storeTimeoutMs: positiveInteger(env, 'STORE_TIMEOUT_MS', 250, 60_000),
    lockTtlMs: positiveInteger(env, 'LOCK_TTL_MS', 30_000, 3_600_000),
    redisUrl: env['REDIS_URL'] ?? 'redis://127.0.0.1:6379',
    databaseUrl: env['DATABASE_URL'] ?? 'postgres://127.0.0.1:5432/postgres',
    dynamoEndpoint: env['DYNAMODB_ENDPOINT'] || undefined,
  };
}
