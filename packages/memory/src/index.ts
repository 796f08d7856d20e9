export { memoryLimiterStore } from './limiter-store.js';
export type { MemoryLimiterStore } from './limiter-store.js';
export { memoryLockStore } from './lock-store.js';
export type { MemoryLimiterStoreOptions, MemoryLockStoreOptions, WhenFull } from './options.js';
