import type { Runner, Sample } from './table.js';

/** Calls between two looks at the clock. */
const callsPerLook = 1000;

/** Calls without a promise, one after another, over keys in a shuffled order. */
export function syncLoop(keys: readonly string[], call: (key: string) => unknown): Runner {
  const order = shuffled(keys);
  let at = 0;
  return {
    async round(ms) {
      const began = performance.now();
      let calls = 0;
      let elapsedMs = 0;
      while (elapsedMs < ms) {
        for (let i = 0; i < callsPerLook; i++) {
          call(order[at] as string);
          at = (at + 1) % order.length;
        }
        calls += callsPerLook;
        elapsedMs = performance.now() - began;
      }
      return perSecond(calls, elapsedMs);
    },
  };
}

/** Calls that return promises, each awaited before the next. */
export function asyncLoop(keys: readonly string[], call: (key: string) => Promise<unknown>): Runner {
  const order = shuffled(keys);
  let at = 0;
  return {
    async round(ms) {
      const began = performance.now();
      let calls = 0;
      let elapsedMs = 0;
      while (elapsedMs < ms) {
        for (let i = 0; i < callsPerLook; i++) {
          await call(order[at] as string);
          at = (at + 1) % order.length;
        }
        calls += callsPerLook;
        elapsedMs = performance.now() - began;
      }
      return perSecond(calls, elapsedMs);
    },
  };
}

function perSecond(calls: number, elapsedMs: number): Sample {
  return { value: (calls / elapsedMs) * 1000 };
}

/** `count` keys of one length, none of them a concatenation that the first lookup would have to flatten. */
export function userKeys(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `user:${String(i).padStart(7, '0')}`);
}

/** Fisher and Yates with a fixed seed: every contestant meets the same order, and no prefetcher guesses it. */
function shuffled<T>(items: readonly T[]): T[] {
  const random = randomFrom(1);
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

/** A small generator of numbers in [0, 1) that is the same everywhere (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
