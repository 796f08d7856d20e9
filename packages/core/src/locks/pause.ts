import type { Settings } from './settings.js';
import type { Waiter } from './waiter.js';

const pollGrowth = 1.6;
const mostPollGrowth = 24;

/** A store that says "now" over and over is still not asked more often than this. */
const shortestPauseMs = 5;

/**
 * How long a caller that was set back sleeps if nobody wakes it: until the lease in the way ends, at most the poll interval, jittered so that processes
 * spread. Where only asking tells and the same holder stays, the interval grows: each question is paid for.
 */
export function pauseMs(settings: Settings, { setback, failures, refusals }: Waiter): number {
  const longestMs = pollPauseMs(settings, refusals) * (0.75 + Math.random() / 4);
  if (!setback || 'error' in setback) return Math.min(longestMs, 50 * 2 ** failures * (0.5 + Math.random() / 2));
  const jitterMs = Math.random() * Math.min(10, settings.pollMs / 10);
  const untilFreeMs = Math.max(setback.retryAfterMs, Math.min(shortestPauseMs, settings.pollMs));
  return Math.min(longestMs, untilFreeMs + jitterMs);
}

/** The poll interval of a caller whom the same holders refused so many times in a row. */
export function pollPauseMs({ store, pollMs }: Settings, refusals: number): number {
  return store.capabilities.wake === 'poll' ? pollMs * Math.min(pollGrowth ** refusals, mostPollGrowth) : pollMs;
}
