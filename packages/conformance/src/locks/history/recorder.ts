import {
  AcquireTimeoutError,
  type AcquireOptions,
  FencedError,
  type Lock,
  type Locks,
  LockLostError,
} from '@headgate/core';
import type { LockOperation } from './operation.js';

/** Monotonic milliseconds that every process of this machine agrees on, with decimals. */
export function machineNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Records what one client does with locks, as a history to check. Operations are added when they return. */
export class LockRecorder {
  readonly history: LockOperation[] = [];
  readonly #client: string;
  readonly #locks: Locks;

  readonly #renewed: boolean;

  /** `renewed`: whether the manager renews its leases, so that their ends are not known beforehand; default true. */
  constructor(client: string, locks: Locks, { renewed = true }: { readonly renewed?: boolean } = {}) {
    this.#client = client;
    this.#locks = locks;
    this.#renewed = renewed;
  }

  /** Waits for the lock; `undefined` when it was refused until the end. Other failures are recorded as unknown and thrown on. */
  async acquire(key: string, options?: AcquireOptions): Promise<Lock | undefined> {
    const invokeMs = machineNowMs();
    const base = (): {
      op: 'acquire';
      client: string;
      key: string;
      invokeMs: number;
      returnMs: number;
      waited: boolean;
    } => ({
      op: 'acquire',
      client: this.#client,
      key,
      invokeMs,
      returnMs: machineNowMs(),
      waited: options?.waitMs !== 0,
    });
    try {
      const lock = await this.#locks.acquire(key, options);
      const leaseEnd = this.#renewed ? {} : { leaseEndMs: machineNowMs() + lock.expiresAtMs - Date.now() };
      this.history.push({ ...base(), outcome: 'acquired', token: lock.fencingToken, ...leaseEnd });
      return lock;
    } catch (error) {
      const refused = error instanceof AcquireTimeoutError;
      this.history.push({ ...base(), outcome: refused ? 'refused' : 'unknown' });
      if (refused) return undefined;
      throw error;
    }
  }

  /** Releases the lock. */
  async release(lock: Lock): Promise<void> {
    const { key, fencingToken: token } = lock;
    const invokeMs = machineNowMs();
    const { released } = await lock.release();
    const outcome = released ? 'ok' : 'lost';
    this.history.push({ op: 'release', client: this.#client, key, token, outcome, invokeMs, returnMs: machineNowMs() });
  }

  /** Runs a write to a fenced resource and notes whether it was let through. */
  async write(lock: Lock, write: () => Promise<unknown>): Promise<boolean> {
    const { key, fencingToken: token } = lock;
    const invokeMs = machineNowMs();
    let accepted = true;
    try {
      await write();
    } catch (error) {
      // A lock that is known to be lost is refused before the resource was asked.
      if (error instanceof LockLostError) return false;
      if (!(error instanceof FencedError)) throw error;
      accepted = false;
    }
    const outcome = accepted ? 'accepted' : 'fenced';
    this.history.push({ op: 'write', client: this.#client, key, token, outcome, invokeMs, returnMs: machineNowMs() });
    return accepted;
  }
}
