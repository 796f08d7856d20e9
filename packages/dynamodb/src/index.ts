export { createTable } from './create-table.js';
export type { CreateTableOptions } from './create-table.js';
export { dynamoLimiterStore } from './limiter-store.js';
export type { DynamoLimiterStoreOptions } from './limiter-store.js';
export { dynamoLockStore } from './lock-store.js';
export type { DynamoLockStoreOptions } from './lock-store.js';
export type { DynamoClient, DynamoEmulator, DynamoStoreOptions } from './client.js';
