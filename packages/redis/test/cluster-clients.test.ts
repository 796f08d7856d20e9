import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { sharedServer, skipReason, until } from '@headgate/test-servers';
import { describe, it } from 'vitest';
import { redisLockStore } from '../src/lock-store.js';
import { request } from './asking.js';
import { drivers, quiet, servesBothWays } from './client-kinds.js';
import { nodesOf } from './fixtures.js';
import type { Cluster as AnyCluster } from 'ioredis';

/** The options of a cluster that are varied here. */
interface ClusterVariant {
  readonly lazyConnect?: boolean;
  readonly enableOfflineQueue?: boolean;
  readonly keyPrefix?: string;
  readonly scaleReads?: 'all';
  readonly retryDelayOnFailover?: number;
}

describe.skipIf(skipReason('redis-cluster') !== undefined).each(['ioredis 6', 'ioredis 5'] as const)(
  'clusters of %s',
  (driver) => {
    const { Cluster } = drivers[driver];
    const open = async (options: ClusterVariant): Promise<AnyCluster> =>
      quiet(new Cluster(nodesOf((await sharedServer('redis-cluster')).url), options));

    const variants: Readonly<Record<string, ClusterVariant>> = {
      plain: {},
      'lazyConnect and no offline queue': { lazyConnect: true, enableOfflineQueue: false },
      keyPrefix: { keyPrefix: `app-${randomUUID()}:` },
      'reads from replicas': { scaleReads: 'all' },
    };

    servesBothWays('cluster', variants, {
      toDuplicate: open,
      toUse: (variant) => open({ ...variant, retryDelayOnFailover: 0 }),
    });

    it('a cluster that is used itself hears no more of our channel once the store is closed', async () => {
      const client = await open({ retryDelayOnFailover: 0 });
      const prefix = `c-${randomUUID()}`;
      const lockStore = redisLockStore({ client, useClient: true, prefix });
      lockStore.watch?.({ wake: () => {}, lost: () => {} });
      await lockStore.acquire(request('k', { waiter: { ttlMs: 1_000 } }));
      const channels = async (): Promise<number> => {
        const lists = await Promise.all(client.nodes('master').map((node) => node.pubsub('CHANNELS', `${prefix}:*`)));
        return lists.flat().length;
      };
      assert.equal(await channels(), 1);
      await lockStore.close();
      await until(async () => (await channels()) === 0, { timeoutMs: 2_000, what: 'the end of the subscription' });
      client.disconnect();
    });
  },
);
