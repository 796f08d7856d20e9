import type { Clock, ClockTimer } from '@headgate/core';

/** A clock that stands still until it is moved; hand it to a store or a limiter in tests instead of sleeping. */
export interface ManualClock extends Clock {
  /** Moves wall and monotonic time forward by `ms` (three decimals count) and runs the timers that fall due, in order. */
  advance(ms: number): void;
  /** Sets the wall clock alone, also backwards, as an operator or NTP would. Timers do not notice. */
  setWallUs(nowUs: number): void;
}

interface PendingTimer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Makes a {@link ManualClock}. `startUs` is the epoch microsecond it begins at; default 2026-01-01T00:00:00Z. */
export function manualClock(startUs: number = 1_767_225_600_000_000): ManualClock {
  let wallUs = startUs;
  // Counted in integer microseconds, so that a million small steps do not drift.
  let elapsedUs = 0;
  const timers = new Set<PendingTimer>();

  const runDue = (untilUs: number): void => {
    for (;;) {
      let next: PendingTimer | undefined;
      for (const timer of timers) if (timer.atMs * 1000 <= untilUs && (!next || timer.atMs < next.atMs)) next = timer;
      if (!next) return;
      timers.delete(next);
      const stepUs = Math.max(0, Math.ceil(next.atMs * 1000) - elapsedUs);
      wallUs += stepUs;
      elapsedUs += stepUs;
      next.callback();
    }
  };

  return {
    nowUs: () => wallUs,
    monotonicMs: () => elapsedUs / 1000,
    setTimer(callback, delayMs): ClockTimer {
      const timer = { atMs: elapsedUs / 1000 + Math.max(0, delayMs), callback };
      timers.add(timer);
      return { clear: () => void timers.delete(timer), unref: () => {} };
    },
    advance(ms) {
      const targetUs = elapsedUs + Math.round(ms * 1000);
      runDue(targetUs);
      wallUs += targetUs - elapsedUs;
      elapsedUs = targetUs;
    },
    setWallUs(nowUs) {
      wallUs = nowUs;
    },
  };
}
