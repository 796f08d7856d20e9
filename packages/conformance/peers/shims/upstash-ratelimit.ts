import { Ratelimit } from '@upstash/ratelimit';
import type { Redis as UpstashRedis } from '@upstash/redis';
import type { Redis } from 'ioredis';
import type { LimiterPeer, PeerAnswer, Quota } from '../limiter-peer.js';

/** The algorithms of its single-region limiter that keep everything in Redis. */
export type UpstashAlgorithm = 'fixedWindow' | 'slidingWindow' | 'tokenBucket';

/**
 * Its scripts on an ordinary Redis, through an object that forwards EVALSHA and EVAL to ioredis. One thing is changed: their first line
 * (`#!lua flags=allow-key-locking`) names a flag that only Upstash's server knows, and is cut off. The in-process cache of denials and the time-out that
 * lets calls pass are switched off, so that what is seen is the algorithm.
 */
export function upstash(client: Redis, algorithm: UpstashAlgorithm): LimiterPeer {
  const run = (script: string, keys: string[], args: unknown[]): Promise<unknown> =>
    client.eval(script.replace(/^#!lua.*\n/, ''), keys.length, ...keys, ...args.map(text));
  const redis = {
    evalsha: (sha: string, keys: string[], args: unknown[]) =>
      client.evalsha(sha, keys.length, ...keys, ...args.map(text)),
    eval: run,
  } as unknown as UpstashRedis;

  const limiters = new Map<string, Ratelimit>();
  const limiterFor = ({ limit, windowMs }: Quota): Ratelimit => {
    const id = `${limit}/${windowMs}`;
    const algorithms = {
      fixedWindow: () => Ratelimit.fixedWindow(limit, `${windowMs} ms`),
      slidingWindow: () => Ratelimit.slidingWindow(limit, `${windowMs} ms`),
      tokenBucket: () => Ratelimit.tokenBucket(limit, `${windowMs} ms`, limit),
    };
    const limiter =
      limiters.get(id) ??
      new Ratelimit({
        redis,
        limiter: algorithms[algorithm](),
        prefix: `peers:upstash:${algorithm}`,
        ephemeralCache: false,
        timeout: 0,
      });
    limiters.set(id, limiter);
    return limiter;
  };
  const take = async (key: string, quota: Quota, rate: number): Promise<PeerAnswer> => {
    const { success, remaining, reset } = await limiterFor(quota).limit(key, { rate });
    return { allowed: success, remaining, resetAtMs: reset };
  };
  return {
    consume: take,
    async look(key, quota) {
      const { remaining, reset } = await limiterFor(quota).getRemaining(key);
      return remaining === quota.limit ? { allowed: true, remaining } : { allowed: true, remaining, resetAtMs: reset };
    },
    refund: (key, quota, cost) => take(key, quota, -cost),
    reset: (key, quota) => limiterFor(quota).resetUsedTokens(key),
    close: async () => void (await client.quit()),
  };
}

/** As Upstash's client serialises arguments. */
const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
