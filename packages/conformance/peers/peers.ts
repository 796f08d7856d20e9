import { createRequire } from 'node:module';
import type { LimiterFixture, LockFixture } from '@headgate/conformance';
import { Redis } from 'ioredis';
import { limiterStoreOf } from './limiter-peer.js';
import { lockStoreOf } from './lock-peer.js';
import { flexibleMemory, flexibleRedis } from './shims/rate-limiter-flexible.js';
import { redisSemaphore } from './shims/redis-semaphore.js';
import { redlock } from './shims/redlock.js';
import { upstash } from './shims/upstash-ratelimit.js';
import { verrouMemory, verrouRedis } from './shims/verrou.js';
import type { LimiterPeer, LimiterShimOptions } from './limiter-peer.js';
import type { LockPeer } from './lock-peer.js';
import type { UpstashAlgorithm } from './shims/upstash-ratelimit.js';

/** One column of a table: a peer and how to open it for one claim. */
export interface Peer<Fixture> {
  /** Short heading, also the store's name. */
  readonly name: string;
  readonly open: () => Fixture;
}

/** Longest window that rate-limiter-flexible documents for its memory limiter, milliseconds. */
const flexibleLongestMs = 2_147_483_000;

/** The limiters, over a Redis at `url` where they need one. */
export function limiterPeers(url: string): readonly Peer<LimiterFixture>[] {
  const onRedis = (options: LimiterShimOptions, make: (client: Redis) => LimiterPeer): Peer<LimiterFixture> => {
    const store = (): LimiterFixture['store'] => limiterStoreOf(make(new Redis(url)), options);
    return { name: options.name, open: () => ({ store: store(), openPeer: store }) };
  };
  const upstashOf = (name: string, algorithm: UpstashAlgorithm): Peer<LimiterFixture> =>
    onRedis({ name }, (client) => upstash(client, algorithm));
  const inMemory = { name: 'rate-limiter-flexible, memory', longestWindowMs: flexibleLongestMs };
  return [
    {
      name: inMemory.name,
      open: () => ({ store: limiterStoreOf(flexibleMemory(), inMemory) }),
    },
    // It tells times from now, and is asked for no instants of short windows.
    onRedis({ name: 'rate-limiter-flexible, Redis', sameInstantMs: 250 }, flexibleRedis),
    upstashOf('Upstash, fixed window', 'fixedWindow'),
    upstashOf('Upstash, sliding window', 'slidingWindow'),
    upstashOf('Upstash, token bucket', 'tokenBucket'),
  ];
}

/** The locks, over a Redis at `url` where they need one. */
export function lockPeers(url: string): readonly Peer<LockFixture>[] {
  const onRedis = (name: string, make: (client: Redis) => LockPeer): Peer<LockFixture> => {
    const store = (): LockFixture['store'] => lockStoreOf(make(new Redis(url)), name);
    return { name, open: () => ({ store: store(), openPeer: store }) };
  };
  const name = 'verrou, memory';
  return [
    { name, open: () => ({ store: lockStoreOf(verrouMemory(), name) }) },
    onRedis('verrou, Redis', verrouRedis),
    onRedis('redlock', redlock),
    onRedis('redis-semaphore', redisSemaphore),
  ];
}

/** The installed version of a package; not every peer exports its package.json, so it is looked for. */
export function versionOf(packageName: string): string {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(packageName) ?? []) {
    try {
      return (require(`${folder}/${packageName}/package.json`) as { readonly version: string }).version.replace(
        /^v/,
        '',
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error(`${packageName} is not installed`);
}
