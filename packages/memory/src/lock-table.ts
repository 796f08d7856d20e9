import { StoreFullError } from '@headgate/core';
import { LockKey } from './lock-key.js';
import type { LockLostReason } from '@headgate/core';
import type { HeldLease } from './lock-key.js';

/** Keys a new key looks at to find an abandoned one, when the table is full. */
const looksWhenFull = 1000;
/** Most leases that ended against their holder's will and whose reason is remembered. */
const mostDeparted = 10_000;

/** Every key that is held or waited for, the leases of each session, and why leases went that their holders did not release. */
export class LockTable {
  readonly #store: string;
  readonly #maxKeys: number;
  readonly #keys = new Map<string, LockKey>();
  readonly #sessions = new Map<string, Map<string, string>>();
  readonly #departed = new Map<string, LockLostReason>();
  /** Where the search for abandoned keys stands. */
  #hand: Iterator<LockKey> | undefined;

  constructor(store: string, maxKeys: number) {
    this.#store = store;
    this.#maxKeys = maxKeys;
  }

  find(key: string): LockKey | undefined {
    return this.#keys.get(key);
  }

  /** Keys as of now. */
  snapshot(): readonly LockKey[] {
    return [...this.#keys.values()];
  }

  /** The key's entry, made if need be. Every new one pays for a look, by `tidy`, at two old ones; throws when the table stays full. */
  open(key: string, tidy: (old: LockKey) => void): LockKey {
    const known = this.#keys.get(key);
    if (known) return known;
    this.makeRoom(1, tidy);
    const made = new LockKey(key);
    this.#keys.set(key, made);
    return made;
  }

  /** Throws `StoreFullError` unless `count` more keys fit, after looking for abandoned ones. */
  makeRoom(count: number, tidy: (old: LockKey) => void): void {
    this.#look(2, tidy);
    if (this.#keys.size + count > this.#maxKeys) this.#look(looksWhenFull, tidy);
    if (this.#keys.size + count > this.#maxKeys) {
      throw new StoreFullError(
        `The memory lock store has ${this.#keys.size} keys held or waited for; a new one was refused`,
        {
          store: this.#store,
        },
      );
    }
  }

  dropIfIdle(entry: LockKey): void {
    if (entry.idle && this.#keys.get(entry.key) === entry) this.#keys.delete(entry.key);
  }

  /** Indexes a lease by its session. */
  enter(key: string, { request: { leaseId, sessionId } }: HeldLease): void {
    if (sessionId === undefined) return;
    let leases = this.#sessions.get(sessionId);
    if (!leases) {
      leases = new Map();
      this.#sessions.set(sessionId, leases);
    }
    leases.set(leaseId, key);
  }

  /** Takes a lease out of its session's index, and remembers why it went if its holder will ask. */
  leave({ request: { leaseId, sessionId } }: HeldLease, reason?: LockLostReason): void {
    if (reason !== undefined) this.#remember(leaseId, reason);
    if (sessionId === undefined) return;
    const leases = this.#sessions.get(sessionId);
    leases?.delete(leaseId);
    if (leases?.size === 0) this.#sessions.delete(sessionId);
  }

  /** Lease ids and keys of a session as of now. */
  sessionLeases(sessionId: string): readonly (readonly [leaseId: string, key: string])[] {
    return [...(this.#sessions.get(sessionId) ?? [])];
  }

  /** Why a lease is not there. One that nobody took away was released or has expired. */
  whyGone(leaseId: string): LockLostReason {
    return this.#departed.get(leaseId) ?? 'expired';
  }

  #remember(leaseId: string, reason: LockLostReason): void {
    this.#departed.set(leaseId, reason);
    if (this.#departed.size <= mostDeparted) return;
    for (const oldest of this.#departed.keys()) {
      this.#departed.delete(oldest);
      return;
    }
  }

  #look(most: number, tidy: (old: LockKey) => void): void {
    for (let looked = 0; looked < most; looked++) {
      // Kept between calls: a map's first entry is found by passing over all that were deleted before it.
      this.#hand ??= this.#keys.values();
      const next = this.#hand.next();
      if (next.done) {
        this.#hand = undefined;
        return;
      }
      tidy(next.value);
    }
  }
}
