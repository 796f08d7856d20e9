export { migrate } from './migrate.js';
export type { MigrateOptions } from './migrate.js';
export { schemaSql } from './schema.js';
export type { SchemaSqlOptions } from './schema.js';
export { postgresLimiterStore } from './limiter-store.js';
export type { PostgresLimiterStore, PostgresLimiterStoreOptions } from './limiter-store.js';
export type { SchemaOptions } from './names.js';
export type { PoolQuery, PostgresPool } from './pool.js';
