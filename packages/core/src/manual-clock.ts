import type { Clock, ClockTimer } from './clock.js';
import { durationMs, integerIn, optionsObject } from './validate.js';

/** A {@link Clock} that moves only when told to, for tests that would otherwise sleep. */
export interface ManualClock extends Clock {
  /**
   * Moves both clocks forward by `ms` (decimals allowed) and runs the timers that come due, in order, each at its own time. Pending promise
   * reactions and immediates run before the first timer, after each one, and before this resolves.
   */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone, as an adjustment of the system's time would; timers and the monotonic clock stay. */
  setNowUs(nowUs: number): void;
  /** Timers that are pending. */
  readonly pendingTimers: number;
  /** Pending timers that would keep a process alive. */
  readonly referencedTimers: number;
}

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
  referenced: boolean;
}

/** Lets everything that is already resolved run to its next wait. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Makes a clock for tests. `nowUs`, epoch microseconds, defaults to 2024-01-01T00:00:00Z; the monotonic clock begins at 0. */
export function createManualClock(options: { readonly nowUs?: number | undefined } = {}): ManualClock {
  optionsObject('options', options, { nowUs: 0 });
  let wallUs = integerIn('nowUs', options.nowUs ?? 1_704_067_200_000_000, 0);
  let elapsedMs = 0;
  const timers = new Set<Timer>();

  function next(untilMs: number): Timer | undefined {
    let first: Timer | undefined;
    // A set keeps the order of insertion, so timers of one instant run in the order they were set.
    for (const timer of timers) if (timer.atMs <= untilMs && (!first || timer.atMs < first.atMs)) first = timer;
    return first;
  }

  function moveTo(monotonicMs: number): void {
    const aheadUs = Math.round(monotonicMs * 1000) - Math.round(elapsedMs * 1000);
    if (aheadUs <= 0) return;
    wallUs += aheadUs;
    elapsedMs = monotonicMs;
  }

  return {
    nowUs: () => wallUs,
    monotonicMs: () => elapsedMs,
    setTimer(callback, delayMs): ClockTimer {
      const timer: Timer = { atMs: elapsedMs + Math.max(0, delayMs), callback, referenced: true };
      timers.add(timer);
      return {
        clear: () => void timers.delete(timer),
        unref: () => {
          timer.referenced = false;
        },
      };
    },
    async advance(ms) {
      durationMs('ms', Math.ceil(ms), 0);
      const untilMs = elapsedMs + ms;
      await settle();
      for (let timer = next(untilMs); timer; timer = next(untilMs)) {
        timers.delete(timer);
        moveTo(timer.atMs);
        timer.callback();
        await settle();
      }
      moveTo(untilMs);
      await settle();
    },
    setNowUs(nowUs) {
      wallUs = integerIn('nowUs', nowUs, 0);
    },
    get pendingTimers() {
      return timers.size;
    },
    get referencedTimers() {
      return [...timers].filter(({ referenced }) => referenced).length;
    },
  };
}
