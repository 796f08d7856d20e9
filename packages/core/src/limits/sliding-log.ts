import type { Algorithm, LimitState } from './algorithm.js';
import type { SlidingLogLimit } from './limit.js';

function sum(state: LimitState): number {
  let total = 0;
  for (let i = 1; i < state.length; i += 2) total += state[i] as number;
  return total;
}

/** State: `[atUs, cost, atUs, cost, …]` in ascending time, one run per instant; a run counts while `nowUs < atUs + windowUs`. */
export const slidingLogAlgorithm: Algorithm<SlidingLogLimit> = {
  fresh: () => [],
  advance: (limit, state, nowUs) => {
    let first = 0;
    while (first < state.length && (state[first] as number) + limit.windowUs <= nowUs) first += 2;
    return first === 0 ? state : state.slice(first);
  },
  isFresh: (_limit, state) => state.length === 0,
  used: (_limit, state) => sum(state),
  charge: (limit, state, cost, nowUs) => {
    const taken = Math.min(cost, 2 * limit.limit - sum(state));
    if (taken <= 0) return state;
    if (state[state.length - 2] === nowUs) return [...state.slice(0, -1), (state[state.length - 1] as number) + taken];
    return [...state, nowUs, taken];
  },
  refund: (_limit, state, cost, atUs) => {
    for (let i = 0; i < state.length; i += 2) {
      if (state[i] !== atUs) continue;
      const left = (state[i + 1] as number) - cost;
      return left > 0
        ? [...state.slice(0, i + 1), left, ...state.slice(i + 2)]
        : [...state.slice(0, i), ...state.slice(i + 2)];
    }
    return state;
  },
  admitAtUs: (limit, state, cost, nowUs) => {
    let missing = sum(state) + cost - limit.limit;
    if (missing <= 0) return nowUs;
    for (let i = 0; i < state.length; i += 2) {
      missing -= state[i + 1] as number;
      if (missing <= 0) return (state[i] as number) + limit.windowUs;
    }
    return nowUs;
  },
  freshAtUs: (limit, state, nowUs) =>
    state.length === 0 ? nowUs : (state[state.length - 2] as number) + limit.windowUs,
};
