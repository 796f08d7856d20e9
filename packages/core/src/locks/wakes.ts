import { BriskMap } from './brisk-map.js';

/** Something that sleeps until a key may be free. */
export interface Sleeper {
  /** A hint: the key may be free. */
  wake(key: string): void;
}

/** Who sleeps on which of the store's keys: usually one, who then needs no set. */
export class Wakes {
  readonly #sleepers = new BriskMap<string, Sleeper | Set<Sleeper>>();

  add(key: string, sleeper: Sleeper): void {
    const present = this.#sleepers.get(key);
    if (present instanceof Set) present.add(sleeper);
    else if (present !== sleeper) this.#sleepers.set(key, present ? new Set([present, sleeper]) : sleeper);
  }

  delete(key: string, sleeper: Sleeper): void {
    const present = this.#sleepers.get(key);
    if (present instanceof Set) present.delete(sleeper);
    if (present === sleeper || (present instanceof Set && present.size === 0)) this.#sleepers.delete(key);
  }

  wake(key: string): void {
    const present = this.#sleepers.get(key);
    if (present instanceof Set) for (const sleeper of present) sleeper.wake(key);
    else present?.wake(key);
  }
}
