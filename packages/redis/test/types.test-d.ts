import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { expectTypeOf } from 'vitest';
import { redisLimiterStore, redisLockStore } from '../src/index.js';
import type { LimiterStore, LockStore } from '@headgate/core';
import type { RedisClient } from '../src/index.js';

expectTypeOf<Redis6>().toExtend<RedisClient>();
expectTypeOf<Cluster6>().toExtend<RedisClient>();
expectTypeOf<Redis5>().toExtend<RedisClient>();
expectTypeOf<Cluster5>().toExtend<RedisClient>();
expectTypeOf<{ get(key: string): Promise<string> }>().not.toExtend<RedisClient>();
expectTypeOf(redisLimiterStore).returns.toEqualTypeOf<LimiterStore>();
expectTypeOf(redisLockStore).returns.toEqualTypeOf<LockStore>();
