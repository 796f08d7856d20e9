import { functionOption, optionsObject } from './validate.js';

/** A timer that can be cleared; `unref` lets the process exit while it is pending. */
export interface ClockTimer {
  clear(): void;
  unref(): void;
}

/**
 * Everything this library asks of time, so that tests can move it. Instants are epoch microseconds; durations that guard
 * a promise (deadlines, timeouts) are taken from the monotonic clock.
 */
export interface Clock {
  /** Wall clock, epoch microseconds, a safe integer. */
  nowUs(): number;
  /** Monotonic milliseconds from an arbitrary origin; may carry decimals. */
  monotonicMs(): number;
  /** Runs `callback` once after `delayMs` (any size: longer than `setTimeout` allows is split). */
  setTimer(callback: () => void, delayMs: number): ClockTimer;
}

/** Returns `value` when it is a clock. */
export function checkClock(name: string, value: unknown): Clock {
  const clock = optionsObject(name, value as Clock);
  for (const method of ['nowUs', 'monotonicMs', 'setTimer'] as const)
    functionOption(`${name}.${method}`, clock[method]);
  return clock;
}

const longestTimeoutMs = 2 ** 31 - 1;

/** The system's clocks and timers. Wall time has the resolution of `Date.now()`: a millisecond. */
export const systemClock: Clock = {
  nowUs: () => Date.now() * 1000,
  monotonicMs: () => performance.now(),
  setTimer(callback, delayMs) {
    let left = delayMs;
    let referenced = true;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const slice = Math.min(left, longestTimeoutMs);
      left -= slice;
      handle = setTimeout(left > 0 ? arm : callback, slice);
      if (!referenced) handle.unref();
    };
    arm();
    return {
      clear: () => clearTimeout(handle),
      unref: () => {
        referenced = false;
        handle.unref();
      },
    };
  },
};
