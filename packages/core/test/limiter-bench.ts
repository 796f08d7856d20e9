import { createManualClock } from '../src/manual-clock.js';
import { fixedWindow, tokenBucket } from '../src/limits/limit.js';
import { createLimiter } from '../src/limits/limiter.js';
import { ScriptedStore } from './scripted-store.js';
import type { Limiter, LimiterOptions } from '../src/limits/api.js';
import type { Limit } from '../src/limits/limit.js';
import type { ManualClock } from '../src/manual-clock.js';

/** The policy of a {@link limiterBench}. */
export const limits: readonly [Limit, Limit] = [
  tokenBucket({ name: 'rate', capacity: 5, refillTokens: 1, refillIntervalMs: 1000 }),
  fixedWindow({ name: 'hour', limit: 8, windowMs: 3_600_000 }),
];

/** A limiter over a scripted store on a clock that the test moves. */
export interface LimiterBench {
  readonly clock: ManualClock;
  readonly store: ScriptedStore;
  readonly limiter: Limiter;
}

export function limiterBench(options: Partial<LimiterOptions> = {}): LimiterBench {
  const clock = createManualClock();
  const store = new ScriptedStore(clock);
  return { clock, store, limiter: createLimiter({ name: 'api', store, limits, clock, ...options }) };
}
