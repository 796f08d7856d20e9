/** Outcome of {@link FencedState.admit}. */
export type FencedAdmission<T> =
  | { readonly admitted: true; readonly value: T }
  | { readonly admitted: false; readonly highest: number };

/**
 * Where a fenced register keeps the highest token of each key. Implement it beside the resource, in its file, table or transaction, when more than
 * one process writes: a token that is checked elsewhere than the write is applied protects nothing.
 */
export interface FencedState {
  /** Highest token admitted for the key; 0 when there is none. */
  highest(key: string): number | Promise<number>;
  /**
   * In one step with respect to every other `admit` of the key: refuses when a higher token was admitted before; otherwise records the token, runs
   * `apply` and returns what it returns. When `apply` throws, throws the same; the token may stay recorded.
   */
  admit<T>(key: string, fencingToken: number, apply: () => Promise<T>): Promise<FencedAdmission<T>>;
}

/** A {@link FencedState} in this process. It keeps one number for each key ever written, and forgets them with the process. */
export function memoryFencedState(): FencedState {
  const highest = new Map<string, number>();
  const last = new Map<string, Promise<unknown>>();
  return {
    highest: (key) => highest.get(key) ?? 0,
    async admit<T>(key: string, fencingToken: number, apply: () => Promise<T>): Promise<FencedAdmission<T>> {
      const step = async (): Promise<FencedAdmission<T>> => {
        const before = highest.get(key) ?? 0;
        if (fencingToken < before) return { admitted: false, highest: before };
        highest.set(key, fencingToken);
        return { admitted: true, value: await apply() };
      };
      // One after the other: a write that has begun ends before the next is looked at.
      const mine = Promise.allSettled([last.get(key)]).then(step);
      last.set(key, mine);
      try {
        return await mine;
      } finally {
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}
