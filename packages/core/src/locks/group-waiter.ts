import { joinKey } from '../keys.js';
import type { Settings } from './settings.js';
import { Waiter } from './waiter.js';
import type { Want } from './want.js';

/**
 * A call that takes several locks. It hears of all keys while it asks, and then only of the one that it was refused: what others, or it itself, took and
 * gave back in vain would keep waking groups that overlap for ever.
 */
export class GroupWaiter extends Waiter {
  readonly #name: string;
  readonly #heard = new Set<string>();
  #refusedKey: string | undefined;

  constructor(settings: Settings, first: Want, keys: number) {
    // Each of its leases has an id of its own.
    super(settings, first, '', keys);
    this.#name = settings.name;
  }

  /** A hint: `key`, maybe none of its own, may be free. */
  hear(key: string): void {
    if (this.#refusedKey === undefined) this.#heard.add(key);
    else if (key === this.#refusedKey) this.wake();
  }

  /** An attempt begins. */
  listen(): void {
    this.#heard.clear();
    this.#refusedKey = undefined;
    this.woken = false;
  }

  /** Resolves when it is time for the next attempt. */
  override rest(): Promise<void> {
    const { setback } = this;
    if (setback && 'holders' in setback && setback.key !== undefined) {
      this.#refusedKey = joinKey(this.#name, setback.key);
      if (this.#heard.has(this.#refusedKey)) this.wake();
    }
    return super.rest();
  }
}
