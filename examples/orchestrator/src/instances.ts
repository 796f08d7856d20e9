import { createLocks } from '@headgate/core';
import type { Hooks, Lock, Locks, LockStore } from '@headgate/core';

/** One running instance, as the page shows it. */
export interface Instance {
  readonly name: string;
  readonly url: string;
  readonly sinceMs: number;
}

/** Who is running: each instance holds a lock in its own name, so that the dead vanish with their lease. */
export class Instances {
  readonly #locks: Locks;
  readonly #name: string;
  #own: Lock | undefined;
  #last: readonly Instance[] = [];

  constructor(options: { readonly store: LockStore; readonly hooks: Hooks; readonly name: string }) {
    this.#locks = createLocks({ name: 'instances', store: options.store, hooks: options.hooks, ttlMs: 5000 });
    this.#name = options.name;
  }

  /** Announces this instance, again if its lease was lost. A store that is away is no reason not to run: the next listing tries again. */
  async announce(url: string): Promise<void> {
    if (this.#own?.held) return;
    const result = await this.#locks.tryAcquire(this.#name, { metadata: { url } });
    if (result.acquired) this.#own = result.lock;
  }

  /** The instances that are running; the last known ones while the store is away. */
  async list(): Promise<readonly Instance[]> {
    const instances: Instance[] = [];
    for await (const { key, holders } of this.#locks.list()) {
      for (const holder of holders)
        instances.push({ name: key, url: holder.metadata?.['url'] ?? '', sinceMs: holder.acquiredAtMs });
    }
    this.#last = instances.sort((a, b) => a.name.localeCompare(b.name));
    return this.#last;
  }

  get lastKnown(): readonly Instance[] {
    return this.#last;
  }

  close(): Promise<void> {
    return this.#locks.close();
  }
}
