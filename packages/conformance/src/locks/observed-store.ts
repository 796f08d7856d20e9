import type { LockStore } from '@headgate/core';

/** A store that counts its calls. */
export interface ObservedStore {
  readonly store: LockStore;
  /** Calls so far that a server would see: all but `watch` and `close`. */
  readonly calls: number;
  /** Names of the calls so far, in order. */
  readonly log: readonly string[];
}

/** Wraps `good` so that its calls are counted; `changes` replace some of its methods. */
export function observe(good: LockStore, changes: Partial<LockStore> = {}): ObservedStore {
  const log: string[] = [];
  const store = new Proxy(good, {
    get(target, name, receiver) {
      const changed = name in changes;
      const value: unknown = changed ? changes[name as keyof LockStore] : Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (name !== 'watch' && name !== 'close') log.push(String(name));
        return Reflect.apply(value, changed ? receiver : target, args);
      };
    },
  });
  return {
    store,
    log,
    get calls() {
      return log.length;
    },
  };
}
