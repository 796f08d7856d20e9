import { describe, expectTypeOf, it } from 'vitest';
import { createLimiter } from './limiter.js';
import { tokenBucket } from './limit.js';
import type { Decision, Limiter, LimiterOptions } from './api.js';

declare const limiter: Limiter;
declare const options: LimiterOptions;

describe('limiter types', () => {
  it('gives retryAfterMs and a reason to denials only', async () => {
    const decision = await limiter.consume('k');
    expectTypeOf(decision).toEqualTypeOf<Decision>();
    // @ts-expect-error -- not before `allowed` was looked at
    void decision.retryAfterMs;
    if (decision.allowed) {
      // @ts-expect-error -- an allowed decision has none
      void decision.reason;
    } else {
      expectTypeOf(decision.retryAfterMs).toBeNumber();
      expectTypeOf(decision.reason).toEqualTypeOf<'quota' | 'blocked' | 'capacity' | 'closed'>();
      expectTypeOf(decision.violated).toEqualTypeOf<string | undefined>();
    }
  });

  it('asks for a cost where there is no default', () => {
    expectTypeOf(limiter.consumeUpTo).parameter(1).toHaveProperty('cost').toEqualTypeOf<number>();
    // @ts-expect-error -- consumeUpTo without a cost means nothing
    void limiter.consumeUpTo('k');
    // @ts-expect-error -- a wrong mode
    createLimiter({ ...options, onStoreFailure: 'ignore' });
    createLimiter({ ...options, limits: tokenBucket({ capacity: 1, refillIntervalMs: 1 }), timeoutMs: undefined });
  });
});
