import { BriskMap } from './brisk-map.js';

/** Something that sleeps until a key may be free. */
export interface Sleeper {
  /** A hint: the key may be free. */
  wake(key: string): void;
}

/** Who sleeps on which of the store's keys. */
export class Wakes {
  readonly #sleepers = new BriskMap<string, Set<Sleeper>>();

  add(key: string, sleeper: Sleeper): void {
    const sleepers = this.#sleepers.get(key);
    if (sleepers) sleepers.add(sleeper);
    else this.#sleepers.set(key, new Set([sleeper]));
  }

  delete(key: string, sleeper: Sleeper): void {
    const sleepers = this.#sleepers.get(key);
    if (sleepers?.delete(sleeper) && sleepers.size === 0) this.#sleepers.delete(key);
  }

  wake(key: string): void {
    for (const sleeper of this.#sleepers.get(key) ?? []) sleeper.wake(key);
  }
}
