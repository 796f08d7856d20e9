import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis, until } from '@headgate/test-servers';
import { startLoad, warmUp } from './demo-outage-load.js';
import { startInstances } from './demo-outage-processes.js';
import type { CallRecord } from './demo-outage-load.js';
import type { Transition } from './demo-outage-processes.js';

/** How long each part of the demonstration lasts, and how much is asked. */
export interface OutageOptions {
  readonly instances: number;
  /** The tenant's limit, over all instances: a bucket of this many units that refills within a second. */
  readonly limitPerSecond: number;
  /** Calls per second, over all instances. */
  readonly callsPerSecond: number;
  /** What a call gives Redis before its instance decides alone. */
  readonly timeoutMs: number;
  /** `kill`: connections break at once, and Redis comes back empty. `freeze`: they stay open and nothing answers. */
  readonly fault: 'kill' | 'freeze';
  readonly beforeMs: number;
  readonly outageMs: number;
  readonly afterMs: number;
}

/** What happened, raw. Instants are on this process's monotonic clock. */
export interface OutageRun {
  readonly options: OutageOptions;
  readonly startMs: number;
  /** When Redis began to go. */
  readonly goneMs: number;
  /** When Redis answered again. */
  readonly backMs: number;
  /** When the last instance had come back to Redis. */
  readonly recoveredMs: number;
  readonly endMs: number;
  /** Calls under way at `goneMs`. */
  readonly pendingThen: number;
  /** See `Load.lagMs`. */
  readonly lagMs: number;
  readonly calls: readonly CallRecord[];
  readonly transitions: readonly Transition[];
}

/** The longest pause between two probes of a breaker after a short outage, and some. */
const recoveryTimeoutMs = 45_000;

/**
 * Starts Redis, instances and a load, takes Redis away, brings it back, and waits until every instance has returned to it. Everything it started has ended when it settles, also when
 * `signal` ends it before its time.
 */
export async function runOutage(options: OutageOptions, signal?: AbortSignal): Promise<OutageRun> {
  const { instances: count, limitPerSecond, callsPerSecond, timeoutMs, fault, beforeMs, outageMs, afterMs } = options;
  const redis = await startRedis();
  try {
    const instances = await startInstances(count, {
      STORE: 'redis',
      REDIS_URL: redis.url,
      INSTANCES: String(count),
      TASKS_PER_SECOND: String(limitPerSecond),
      STORE_TIMEOUT_MS: String(timeoutMs),
      // Out of the way: this is about one limit.
      TASKS_PER_MINUTE: '1000000',
    });
    try {
      await warmUp(instances.urls);
      const startMs = performance.now();
      const load = startLoad(instances.urls, callsPerSecond);
      try {
        await sleep(beforeMs, undefined, { signal });
        const pendingThen = load.pending;
        const goneMs = performance.now();
        await (fault === 'kill' ? redis.kill() : redis.pause());
        await sleep(outageMs, undefined, { signal });
        await (fault === 'kill' ? redis.restart() : redis.resume());
        const backMs = performance.now();
        const allReturned = (): boolean => {
          signal?.throwIfAborted();
          return instances.transitions.filter(({ direction }) => direction === 'recover').length >= count;
        };
        await until(allReturned, { timeoutMs: recoveryTimeoutMs, what: 'every instance to return' });
        const recoveredMs = performance.now();
        await sleep(afterMs, undefined, { signal });
        await load.stop();
        const endMs = performance.now();
        const { calls } = load;
        const { transitions } = instances;
        return {
          options,
          startMs,
          goneMs,
          backMs,
          recoveredMs,
          endMs,
          pendingThen,
          lagMs: load.lagMs,
          calls,
          transitions,
        };
      } finally {
        await load.stop();
      }
    } finally {
      await instances.stop();
    }
  } finally {
    await redis.stop();
  }
}
