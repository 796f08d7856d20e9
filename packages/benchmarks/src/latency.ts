import { createHistogram } from 'node:perf_hooks';
import type { RecordableHistogram } from 'node:perf_hooks';
import type { Runner, Sample } from './table.js';

/** `callers` at once, each awaiting its call before the next; the time of each call. What a caller does not send while it waits is not counted: see {@link openLoop}. */
export function closedLoop(callers: number, call: (n: number) => Promise<unknown>): Pick<Runner, 'round'> {
  let n = 0;
  return {
    async round(ms) {
      const times = createHistogram();
      const began = performance.now();
      const caller = async (): Promise<void> => {
        for (let at = began; at - began < ms; ) {
          await call(n++);
          const now = performance.now();
          times.record(nanoseconds(now - at));
          at = now;
        }
      };
      await Promise.all(Array.from({ length: callers }, caller));
      return quantiles(times);
    },
  };
}

/**
 * `perSecond` calls a second whatever becomes of earlier ones, as users arrive; each call's time counts from the instant at which it was due, so that a
 * stall counts against every call that it delays.
 */
export function openLoop(perSecond: number, call: (n: number) => Promise<unknown>): Pick<Runner, 'round'> {
  let n = 0;
  return {
    async round(ms) {
      const times = createHistogram();
      const total = Math.floor((perSecond * ms) / 1000);
      const calls: Promise<void>[] = [];
      const began = performance.now();
      const dueAt = (index: number): number => began + (index * 1000) / perSecond;
      const timed = async (due: number): Promise<void> => {
        await call(n++);
        times.record(nanoseconds(performance.now() - due));
      };
      while (calls.length < total) {
        // The clock is asked once a turn of the event loop; a timer would add up to a millisecond to every call.
        const now = performance.now();
        while (calls.length < total && dueAt(calls.length) <= now) calls.push(timed(dueAt(calls.length)));
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      await Promise.all(calls);
      return quantiles(times);
    },
  };
}

/** The 99th percentile, microseconds, and others beside it. */
export function quantiles(times: RecordableHistogram): Sample {
  const at = (percent: number): number => times.percentile(percent) / 1000;
  return { value: at(99), details: { p50: at(50), p95: at(95), 'p99.9': at(99.9) } };
}

/** Milliseconds as what a histogram takes: a whole number of at least 1. */
function nanoseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1e6));
}
