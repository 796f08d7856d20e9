import type { LockGroup } from './api.js';
import type { Lease } from './lease.js';

/** The handle of locks that were taken together; see {@link LockGroup}. */
export class Group implements LockGroup {
  readonly locks: readonly Lease[];
  #signal: AbortSignal | undefined;

  constructor(locks: readonly Lease[]) {
    this.locks = locks;
  }

  get signal(): AbortSignal {
    return (this.#signal ??= AbortSignal.any(this.locks.map((lock) => lock.signal)));
  }

  assertHeld(): void {
    for (const lock of this.locks) lock.assertHeld();
  }

  async release(): Promise<void> {
    const outcomes = await Promise.allSettled(this.locks.map((lock) => lock.release()));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
