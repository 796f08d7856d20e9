import { dynamodb } from './dynamodb.js';
import { latency } from './latency.js';
import { locks } from './locks.js';
import { memory } from './memory.js';
import { postgres } from './postgres.js';
import { redisCluster } from './redis-cluster.js';
import { redis } from './redis.js';
import { scale } from './scale.js';
import { soak } from './soak.js';
import type { Table } from '../table.js';

/** Every table by name, in the order of the report. A table joins by one line here. */
export const tables: Readonly<Record<string, Table>> = {
  memory,
  locks,
  redis,
  'redis-cluster': redisCluster,
  postgres,
  dynamodb,
  latency,
  scale,
  soak,
};
