/** After so many writes of its own, back to back, a process leaves a gap. */
const longest = 16;
const longestGapMs = 64;

/**
 * Writes of this process on one key in a row, each sent as soon as the one before had returned. Whoever loses every race to such a process must get a
 * chance, and the process would never know: a winner learns nothing of those who lost.
 */
export interface Streak {
  readonly length: number;
  readonly endedMs: number;
  /** How long the last write took, milliseconds. */
  readonly tookMs: number;
}

/** Before the first write. */
export const noStreak: Streak = { length: 0, endedMs: -Infinity, tookMs: 0 };

/** The streak after a write that was sent at `sentMs` (of `performance.now()`) has returned. */
export function continued({ length, endedMs, tookMs }: Streak, sentMs: number): Streak {
  const nowMs = performance.now();
  const isNext = length < longest && sentMs - endedMs <= tookMs;
  return { length: isNext ? length + 1 : 1, endedMs: nowMs, tookMs: nowMs - sentMs };
}

/** How long to leave the key alone before the next write: as long as others need to read it and write it, once in a streak; 0 otherwise. */
export function gapMs({ length, endedMs, tookMs }: Streak): number {
  const isNext = performance.now() - endedMs <= tookMs;
  return length >= longest && isNext ? Math.min(longestGapMs, 3 * tookMs) : 0;
}
