import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Redis } from 'ioredis';
import type { LimiterPeer, PeerAnswer, Quota } from '../limiter-peer.js';

type Limiter = RateLimiterMemory | RateLimiterRedis;

/** Its memory limiter holds its own records; points and duration are set per call, which its documents allow. */
export function flexibleMemory(): LimiterPeer {
  const limiter = new RateLimiterMemory({ points: 1, duration: 1, keyPrefix: 'peers' });
  const limiterFor = ({ limit, windowMs }: Quota): Limiter =>
    Object.assign(limiter, { points: limit, duration: windowMs / 1000 });
  return peerOf(limiterFor, async () => {});
}

/** Its Redis limiters share their records by prefix: one limiter per quota. */
export function flexibleRedis(client: Redis): LimiterPeer {
  const limiters = new Map<string, RateLimiterRedis>();
  return peerOf(
    ({ limit, windowMs }) => {
      const id = `${limit}/${windowMs}`;
      const options = { storeClient: client, points: limit, duration: windowMs / 1000, keyPrefix: 'peers:rlf' };
      const limiter = limiters.get(id) ?? new RateLimiterRedis(options);
      limiters.set(id, limiter);
      return limiter;
    },
    async () => void (await client.quit()),
  );
}

function peerOf(limiterFor: (quota: Quota) => Limiter, close: () => Promise<void>): LimiterPeer {
  const answer = (nowMs: number, result: RateLimiterRes, allowed: boolean): PeerAnswer => ({
    allowed,
    remaining: result.remainingPoints,
    resetAtMs: nowMs + result.msBeforeNext,
  });
  return {
    async consume(key, quota, cost) {
      const nowMs = Date.now();
      try {
        return answer(nowMs, await limiterFor(quota).consume(key, cost), true);
      } catch (denial) {
        if (denial instanceof RateLimiterRes) return answer(nowMs, denial, false);
        throw denial;
      }
    },
    async look(key, quota) {
      const limiter = limiterFor(quota);
      const nowMs = Date.now();
      const result = await limiter.get(key);
      // In memory, a record that has expired and was not yet removed is shown with the time since.
      const over = result && result.msBeforeNext <= 0 && limiter instanceof RateLimiterMemory;
      return result && !over ? answer(nowMs, result, true) : { allowed: true, remaining: quota.limit };
    },
    refund: async (key, quota, cost) => answer(Date.now(), await limiterFor(quota).reward(key, cost), true),
    penalize: async (key, quota, cost) => answer(Date.now(), await limiterFor(quota).penalty(key, cost), true),
    block: async (key, quota, forMs) => answer(Date.now(), await limiterFor(quota).block(key, forMs / 1000), true),
    reset: async (key, quota) => void (await limiterFor(quota).delete(key)),
    close,
  };
}
