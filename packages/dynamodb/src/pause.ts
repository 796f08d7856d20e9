/** Attempts at one write before `StoreContendedError`. */
export const maxAttempts = 30;

const longestPauseMs = 32;
const hottest = 6;

/**
 * How contended a key is: 0 for one that nobody else writes. Rises with each lost race and falls with each won one, so that all processes that share a
 * hot key come to wait alike and none is left behind.
 */
export type Heat = number;

/** The heat after a race was lost. */
export function hotter(heat: Heat): Heat {
  return Math.min(hottest, heat + 1);
}

/** The heat after a race was won. */
export function cooler(heat: Heat): Heat {
  return Math.max(0, heat - 1);
}

/** Waits a random time that doubles with the heat, up to 32 ms; real time, whatever clock decides. */
export function pause(heat: Heat): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.random() * Math.min(longestPauseMs, 2 ** heat / 2)).unref();
  });
}
