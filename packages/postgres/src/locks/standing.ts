import type { Operation } from './gathering.js';

/** A session that had to do with other locks so lately does not stand at one, where it could not do anything else, milliseconds. */
const elsewhereMs = 1_000;
/** After it stood at a lock in vain, a session does not stand for so long: its holders take their time, milliseconds. */
const inVainMs = 1_000;

/** When it pays for a session to wait at an advisory lock itself, see `sql/locks-stand.ts`: turns there are short, and there is nothing else to do. */
export class Standing {
  #lockId = '';
  #notBeforeMs = -Infinity;

  /** The session had to do with the locks of these operations. */
  used(ops: readonly Operation[]): void {
    for (const [, lockId] of ops) {
      if (lockId === this.#lockId) continue;
      this.#lockId = lockId;
      this.#notBeforeMs = Math.max(this.#notBeforeMs, performance.now() + elsewhereMs);
    }
  }

  /** The session stood at a lock and did not get it. */
  stoodInVain(): void {
    this.#notBeforeMs = performance.now() + inVainMs;
  }

  pays(lockId: string): boolean {
    return lockId === this.#lockId && performance.now() >= this.#notBeforeMs;
  }
}
