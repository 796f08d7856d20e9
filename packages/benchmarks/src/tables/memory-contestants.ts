import { createLimiter, tokenBucket } from '@headgate/core';
import { memoryLimiterStore } from '@headgate/memory';
import { MemoryStore } from 'express-rate-limit';
import { RateLimiter } from 'limiter';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Limiter } from '@headgate/core';

const hourMs = 3_600_000;

/** A Headgate limiter in memory: an exact token bucket that gains a token an hour, so that no record turns fresh meanwhile. */
export function headgate(capacity: number): Limiter {
  const limits = tokenBucket({ capacity, refillTokens: 1, refillIntervalMs: hourMs });
  return createLimiter({ name: 'bench', store: memoryLimiterStore(), limits });
}

/** The same in a process that has three more limiters at work, one of them with a policy of two limits. */
export function headgateBesideOthers(capacity: number): Limiter {
  const bucket = (name: string) => tokenBucket({ name, capacity, refillTokens: 1, refillIntervalMs: hourMs });
  const policies = [bucket('a'), bucket('b'), [bucket('a'), bucket('b')]];
  for (const [i, limits] of policies.entries()) {
    const other = createLimiter({ name: `other-${i}`, store: memoryLimiterStore(), limits });
    for (let call = 0; call < 100_000; call++) other.consumeSync(`user-${call % 1000}`);
  }
  return headgate(capacity);
}

/** express-rate-limit's default store: counts hits in fixed windows; the middleware compares. */
export function expressRateLimit(): (key: string) => Promise<unknown> {
  const store = new MemoryStore();
  store.init({ windowMs: hourMs } as Parameters<MemoryStore['init']>[0]);
  return (key) => store.increment(key);
}

/** rate-limiter-flexible in memory: a fixed window per key, and a timer per key. */
export function rateLimiterFlexible(points: number): (key: string) => Promise<unknown> {
  const limiter = new RateLimiterMemory({ points, duration: hourMs / 1000 });
  return (key) => limiter.consume(key);
}

/** `limiter` has no keys: one RateLimiter for each, in a Map. */
function limiterOf(tokensPerInterval: number): (key: string) => RateLimiter {
  const limiters = new Map<string, RateLimiter>();
  return (key) => {
    let limiter = limiters.get(key);
    if (!limiter) {
      limiter = new RateLimiter({ tokensPerInterval, interval: hourMs, fireImmediately: true });
      limiters.set(key, limiter);
    }
    return limiter;
  };
}

/** `limiter` by the method that returns a promise, told not to wait. */
export function limiterAsync(tokensPerInterval: number): (key: string) => Promise<unknown> {
  const of = limiterOf(tokensPerInterval);
  return (key) => of(key).removeTokens(1);
}

/** `limiter` by the method that answers at once. */
export function limiterSync(tokensPerInterval: number): (key: string) => unknown {
  const of = limiterOf(tokensPerInterval);
  return (key) => of(key).tryRemoveTokens(1);
}

/** The floor: a count per key, compared, with a look at the clock. */
export function bareMap(limit: number): (key: string) => unknown {
  const counts = new Map<string, number>();
  return (key) => {
    const now = Date.now();
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return { allowed: count <= limit, now };
  };
}
