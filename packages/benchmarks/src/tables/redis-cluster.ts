import { startRedisCluster } from '@headgate/test-servers';
import { keyOf } from './given.js';
import { limiterWorkload, lockWorkload, oneCaller, oneCallerFloors } from './redis-workloads.js';
import { toFlexible } from './rows.js';
import type { Table } from '../table.js';

/** Limits and locks over a Redis Cluster. */
export const redisCluster: Table = {
  name: 'redis-cluster',
  title: 'Redis Cluster',
  about:
    "A Redis Cluster of three masters on 127.0.0.1, ioredis 5's `Cluster` for all; three servers and the callers share this machine's cores. A decision of Headgate's costs a script call per " +
    'bucket of keys; the figures per decision are calls of all masters together.',
  packages: ['@headgate/redis', 'rate-limiter-flexible', 'redlock', 'redis-semaphore', 'ioredis'],
  async setup() {
    const cluster = await startRedisCluster({ masters: 3, replicas: 0 });
    await cluster.untilOk();
    return { env: { url: cluster.url }, stop: () => cluster.stop() };
  },
  workloads: [
    limiterWorkload('keys-256', '10,000 keys, 256 callers', 256, keyOf),
    limiterWorkload('keys-2048', '10,000 keys, 2,048 callers', 2_048, keyOf),
    limiterWorkload('hot', 'one hot key, 256 callers', 256, () => 'hot'),
    oneCaller,
    lockWorkload(['redlock', 'redis-semaphore']),
  ],
  rows: [
    toFlexible('10,000 keys, 256 callers', 'keys-256'),
    toFlexible('10,000 keys, 2,048 callers', 'keys-2048'),
    toFlexible('one hot key, 256 callers', 'hot'),
    {
      title: 'one caller, p50, to a bare EVALSHA',
      unit: 'x',
      value: ({ ratio }) => ratio(['one', 'headgate'], ['one', 'bare EVALSHA']),
    },
    ...oneCallerFloors,
    {
      title: 'script calls per decision at 256 callers',
      unit: '',
      value: ({ median }) => median('keys-256', 'headgate', 'requests'),
    },
    {
      title: 'acquire and release, 64 callers, to the best peer',
      unit: 'x',
      value: ({ best, ratio }) => {
        const against = best('locks', ['redlock', 'redis-semaphore']);
        return { value: ratio(['locks', 'headgate'], ['locks', against]), against };
      },
    },
  ],
};
