export { redisLimiterStore } from './limiter-store.js';
export type { RedisLimiterStoreOptions } from './limiter-store.js';
export { redisLockStore } from './lock-store.js';
export type { RedisLockStoreOptions } from './lock-store.js';
export type { RedisConnectionOptions } from './connection.js';
export type { RedisClient } from './client.js';
