import type { Hooks, StoreKeysEvent } from '@headgate/core';

/** Tells `onStoreKeys` how many keys a store holds; a hook that throws is reported to `onHookError` and changes nothing. */
export class KeysReporter {
  readonly #store: string;
  readonly #hooks: Hooks;

  constructor(store: string, hooks: Hooks | undefined) {
    this.#store = store;
    this.#hooks = hooks ?? {};
  }

  changed(keys: number, evicted?: NonNullable<StoreKeysEvent['evicted']>): void {
    if (!this.#hooks.onStoreKeys) return;
    const event = Object.freeze(evicted ? { store: this.#store, keys, evicted } : { store: this.#store, keys });
    try {
      this.#hooks.onStoreKeys(event);
    } catch (error) {
      this.#hooks.onHookError?.({ hook: 'onStoreKeys', error });
    }
  }
}
