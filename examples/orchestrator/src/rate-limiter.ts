import { createLimiter, slidingWindow, tokenBucket } from '@headgate/core';
import type { Decision, FallbackEvent, Hooks, Limiter, LimiterStore } from '@headgate/core';
import { memoryLimiterStore } from '@headgate/memory';

/** Options of {@link RateLimiter}. */
export interface RateLimiterOptions {
  readonly store: LimiterStore;
  readonly hooks: Hooks;
  readonly tasksPerSecond: number;
  readonly tasksPerMinute: number;
  /** Longest wait for the store before the fallback decides, milliseconds. */
  readonly timeoutMs: number;
  /** Instances that share the limit; each keeps 1 / instances of it in memory while the store is away. */
  readonly instances: number;
}

/** Whether the shared store decides, or this instance's own memory. */
export interface FallbackState {
  readonly active: boolean;
  readonly since: number;
}

/**
 * The service's rate limiter: its state is shared by all instances through the store, and an in-memory fallback takes over, with this
 * instance's share of the limit, while the store is away.
 */
export class RateLimiter {
  readonly #limiter: Limiter;
  #fallback: FallbackState = { active: false, since: 0 };
  #allowed = 0;
  #denied = 0;

  constructor(options: RateLimiterOptions) {
    const { hooks } = options;
    this.#limiter = createLimiter({
      name: 'tasks',
      store: options.store,
      limits: [
        tokenBucket({ name: 'burst', capacity: options.tasksPerSecond, refillIntervalMs: 1000 }),
        slidingWindow({ name: 'minute', limit: options.tasksPerMinute, windowMs: 60_000 }),
      ],
      timeoutMs: options.timeoutMs,
      onStoreFailure: 'fallback',
      fallback: { store: memoryLimiterStore({ hooks }), share: 1 / options.instances, reconcile: true },
      // An operator who brings the store back wants to see it used: no probe is further away than this.
      breaker: { maxOpenMs: 2000 },
      denyCache: {},
      hooks: {
        ...hooks,
        onFallback: (event: FallbackEvent) => {
          this.#fallback = { active: event.direction === 'activate', since: Date.now() };
          hooks.onFallback?.(event);
        },
      },
    });
  }

  /** Asks for one task of a tenant. */
  async consume(tenant: string): Promise<Decision> {
    const decision = await this.#limiter.consume(tenant);
    if (decision.allowed) this.#allowed += 1;
    else this.#denied += 1;
    return decision;
  }

  /** Decisions taken so far by this instance. */
  get totals(): { readonly allowed: number; readonly denied: number } {
    return { allowed: this.#allowed, denied: this.#denied };
  }

  get fallback(): FallbackState {
    return this.#fallback;
  }

  close(): Promise<void> {
    return this.#limiter.close();
  }
}
