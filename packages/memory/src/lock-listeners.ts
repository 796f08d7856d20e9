import type { LockLostReason, LockStoreListener } from '@headgate/core';

/** Tells watchers what happened, after the step in which it did: a listener may call the store again without meeting half a change. */
export class LockListeners {
  readonly #listeners = new Set<LockStoreListener>();
  /** Keys that everybody may ask for; and grants, each to one waiter. */
  readonly #woken = new Set<string>();
  #granted: { readonly key: string; readonly leaseId: string }[] = [];
  #lost: { readonly key: string; readonly leaseId: string; readonly reason: LockLostReason }[] = [];
  #scheduled = false;

  add(listener: LockStoreListener): () => void {
    // One object may watch twice; each registration is its own.
    const registered: LockStoreListener = {
      wake: (key, leaseId) => listener.wake(key, leaseId),
      lost: (lease, reason) => listener.lost(lease, reason),
    };
    this.#listeners.add(registered);
    return () => {
      this.#listeners.delete(registered);
    };
  }

  clear(): void {
    this.#listeners.clear();
  }

  wake(key: string): void {
    if (this.#listeners.size === 0) return;
    this.#woken.add(key);
    this.#schedule();
  }

  granted(key: string, leaseId: string): void {
    if (this.#listeners.size === 0) return;
    this.#granted.push({ key, leaseId });
    this.#schedule();
  }

  lost(key: string, leaseId: string, reason: LockLostReason): void {
    if (this.#listeners.size === 0) return;
    this.#lost.push({ key, leaseId, reason });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    const lost = this.#lost;
    const granted = this.#granted;
    const woken = [...this.#woken];
    this.#lost = [];
    this.#granted = [];
    this.#woken.clear();
    for (const listener of this.#listeners) {
      for (const { key, leaseId, reason } of lost) listener.lost({ key, leaseId }, reason);
      for (const { key, leaseId } of granted) listener.wake(key, leaseId);
      for (const key of woken) listener.wake(key);
    }
  }
}
