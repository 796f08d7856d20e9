export { fileLimiterStore } from './limiter-store.js';
export { fileLockStore } from './lock-store.js';
