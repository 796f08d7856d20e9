import type { Runner } from './table.js';

/** `callers` at once, each awaiting its call before the next; counts calls a second. `call` gets a number that counts all calls. */
export function concurrently(callers: number, call: (n: number) => Promise<unknown>): Pick<Runner, 'round'> {
  let n = 0;
  return {
    async round(ms) {
      const first = n;
      const began = performance.now();
      const caller = async (): Promise<void> => {
        while (performance.now() - began < ms) await call(n++);
      };
      await Promise.all(Array.from({ length: callers }, caller));
      return { value: ((n - first) / (performance.now() - began)) * 1000 };
    },
  };
}

/** One caller; the median time of a call, microseconds. */
export function medianTime(call: (n: number) => Promise<unknown>): Pick<Runner, 'round'> {
  let n = 0;
  return {
    async round(ms) {
      const times: number[] = [];
      const began = performance.now();
      for (let at = began; at - began < ms; ) {
        await call(n++);
        const now = performance.now();
        times.push(now - at);
        at = now;
      }
      times.sort((a, b) => a - b);
      return { value: (times[times.length >> 1] as number) * 1000 };
    },
  };
}
