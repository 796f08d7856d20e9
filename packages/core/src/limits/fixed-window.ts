import type { Algorithm } from './algorithm.js';
import type { FixedWindowLimit } from './limit.js';

/** Start of the window that a first hit at `nowUs` opens. */
export function fixedWindowStart(limit: FixedWindowLimit, nowUs: number): number {
  return limit.aligned ? nowUs - (nowUs % limit.windowUs) : nowUs;
}

/** State: `[count, startUs]`, the cost spent in the window that began at `startUs`; count 0 is fresh. */
export const fixedWindowAlgorithm: Algorithm<FixedWindowLimit> = {
  fresh: (limit, nowUs) => [0, fixedWindowStart(limit, nowUs)],
  advance: (limit, state, nowUs) => {
    const [count = 0, startUs = 0] = state;
    return count > 0 && nowUs < startUs + limit.windowUs ? state : [0, fixedWindowStart(limit, nowUs)];
  },
  isFresh: (_limit, [count = 0]) => count === 0,
  used: (_limit, [count = 0]) => count,
  charge: (limit, [count = 0, startUs = 0], cost) => [count + Math.min(cost, 2 * limit.limit - count), startUs],
  // A refund leaves the start alone: the window ends when it would have ended.
  refund: (limit, [count = 0, startUs = 0], cost, atUs) => {
    const within = atUs >= startUs && atUs < startUs + limit.windowUs;
    return [within ? Math.max(0, count - cost) : count, startUs];
  },
  admitAtUs: (limit, [count = 0, startUs = 0], cost, nowUs) =>
    cost <= limit.limit - count ? nowUs : startUs + limit.windowUs,
  freshAtUs: (limit, [count = 0, startUs = 0], nowUs) => (count === 0 ? nowUs : startUs + limit.windowUs),
};
