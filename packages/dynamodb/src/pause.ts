/** Attempts at one write before `StoreContendedError`. */
export const maxAttempts = 60;

const longestPauseMs = 64;
const hottest = 6;
/** How long it takes a key to cool by one level, milliseconds. */
const coolingMs = 500;

/** How contended a key is: rises by one with each lost race, and falls with time, since a winner cannot see who lost. */
export interface Heat {
  readonly level: number;
  readonly sinceMs: number;
}

/** The heat of a key that nobody else writes. */
export const cold: Heat = { level: 0, sinceMs: 0 };

function levelOf({ level, sinceMs }: Heat): number {
  return level === 0 ? 0 : Math.max(0, level - (performance.now() - sinceMs) / coolingMs);
}

/** The heat after a race was lost. */
export function hotter(heat: Heat): Heat {
  return { level: Math.min(hottest, levelOf(heat) + 1), sinceMs: performance.now() };
}

/**
 * How long to wait before a write on a key of some heat, milliseconds: a random time, up to 64 ms for a first attempt, less the more attempts were lost
 * before. So whoever has just won lets those go first who have lost most often, and none is left behind. 0 for a cold key.
 */
export function pauseMs(heat: Heat, attempts: number): number {
  const level = levelOf(heat);
  return level === 0 ? 0 : (Math.random() * Math.min(longestPauseMs, 2 ** level)) / (1 + attempts);
}

/** Waits in real time, whatever clock decides. Keeps the process alive, as the request that follows does. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
