import { dynamodb } from './dynamodb.js';
import { locks } from './locks.js';
import { memory } from './memory.js';
import { postgres } from './postgres.js';
import { redis } from './redis.js';
import type { Table } from '../table.js';

/** Every table by name, in the order of the report. A table joins by one line here. */
export const tables: Readonly<Record<string, Table>> = { memory, locks, redis, postgres, dynamodb };
