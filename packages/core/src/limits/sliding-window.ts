import { ceilMulDiv, floorMulDiv } from './exact.js';
import type { Algorithm } from './algorithm.js';
import type { SlidingWindowLimit } from './limit.js';

/** What the previous window still weighs at `nowUs`, rounded up. */
function weight(limit: SlidingWindowLimit, previous: number, startUs: number, nowUs: number): number {
  return ceilMulDiv(previous, limit.windowUs - (nowUs - startUs), limit.windowUs);
}

/** Earliest offset into a window at which a count of the window before weighs at most `room` (0 <= room). */
function offsetForRoom(limit: SlidingWindowLimit, previous: number, room: number): number {
  if (previous <= room) return 0;
  // ceil(previous * (W - e) / W) <= room  <=>  W - e <= floor(room * W / previous)
  return limit.windowUs - floorMulDiv(limit.windowUs, room, previous);
}

/** State: `[previous, current, startUs]`, the costs of the last two windows; the current one began at `startUs`, a multiple of the window. */
export const slidingWindowAlgorithm: Algorithm<SlidingWindowLimit> = {
  fresh: (limit, nowUs) => [0, 0, nowUs - (nowUs % limit.windowUs)],
  advance: (limit, state, nowUs) => {
    const [, current = 0, startUs = 0] = state;
    const window = limit.windowUs;
    if (nowUs < startUs + window) return state;
    const newStart = nowUs - (nowUs % window);
    return newStart === startUs + window ? [current, 0, newStart] : [0, 0, newStart];
  },
  isFresh: (_limit, [previous = 0, current = 0]) => previous === 0 && current === 0,
  used: (limit, [previous = 0, current = 0, startUs = 0], nowUs) => weight(limit, previous, startUs, nowUs) + current,
  charge: (limit, [previous = 0, current = 0, startUs = 0], cost, nowUs) => {
    const room = 2 * limit.limit - weight(limit, previous, startUs, nowUs) - current;
    return [previous, current + Math.max(0, Math.min(cost, room)), startUs];
  },
  refund: (limit, [previous = 0, current = 0, startUs = 0], cost, atUs) => {
    if (atUs >= startUs)
      return [previous, atUs < startUs + limit.windowUs ? Math.max(0, current - cost) : current, startUs];
    return [atUs >= startUs - limit.windowUs ? Math.max(0, previous - cost) : previous, current, startUs];
  },
  admitAtUs: (limit, [previous = 0, current = 0, startUs = 0], cost, nowUs) => {
    const room = limit.limit - current - cost;
    if (room >= 0) {
      const offset = offsetForRoom(limit, previous, room);
      return Math.max(nowUs, startUs + offset);
    }
    return startUs + limit.windowUs + offsetForRoom(limit, current, limit.limit - cost);
  },
  freshAtUs: (limit, [previous = 0, current = 0, startUs = 0], nowUs) => {
    if (current > 0) return startUs + 2 * limit.windowUs;
    return previous > 0 ? startUs + limit.windowUs : nowUs;
  },
};
