export { startRedis, type RedisOptions } from './redis.js';
export { startRedisCluster, type RedisCluster, type RedisClusterOptions } from './redis-cluster.js';
export { startRedisSentinel, type RedisSentinel, type RedisSentinelOptions } from './redis-sentinel.js';
export { startPostgres, type PostgresOptions } from './postgres.js';
export { postgresMajor, type PostgresVersion } from './postgres-programs.js';
export { startPgBouncer, type PgBouncerOptions } from './pgbouncer.js';
export { startDynamoDbLocal, startDynalite, type DynamoDbLocalOptions } from './dynamodb.js';
export { startPrometheus, type PrometheusOptions } from './prometheus.js';
export { sharedServer, startSharedServers, type SharedServer, type SharedServerName } from './shared-server.js';
export { skipReason } from './skip.js';
export {
  createFaultProxy,
  type DropReplyOptions,
  type FaultProxy,
  type ProxyStats,
  type ProxyTarget,
} from './fault-proxy.js';
export { createHttpFaultProxy, type CannedAnswer, type HttpFaultProxy, type SeenRequest } from './http-fault-proxy.js';
export type { Direction } from './fault-link.js';
export { spawnNode, type NextOptions, type NodeChild, type SpawnNodeOptions } from './spawn-node.js';
export { parentLink, type ParentLink } from './parent-link.js';
export type { RestartOptions, TestServer } from './server.js';
export { findBinary, requireBinary, type BinaryName } from './binaries.js';
export { freePort } from './free-port.js';
export { until, type UntilOptions } from './until.js';
export { ServerStartError, ServerUnavailableError } from './errors.js';
