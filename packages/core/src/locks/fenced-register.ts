import { FencedError } from '../errors.js';
import { checkKey } from '../keys.js';
import { integerIn, invalid, optionsObject } from '../validate.js';
import type { Lock, Locks } from './api.js';
import { memoryFencedState } from './fenced-state.js';
import type { FencedState } from './fenced-state.js';
import { Lease } from './lease.js';

/** Options of {@link createFencedRegister}. */
export interface FencedRegisterOptions {
  /** The manager whose locks guard the resource: it knows which tokens were issued. */
  readonly locks: Locks;
  /** Where the highest token of each key is kept; default in this process, which is enough when only this process writes the resource. */
  readonly state?: FencedState | undefined;
}

/** What a writer shows: a lock it holds, or the key and token it was told, as from the body of a request. */
export type FencingProof = Lock | { readonly key: string; readonly fencingToken: number };

/** A guard in front of a resource that refuses writes of holders who lost their lock. Make one with {@link createFencedRegister}. */
export interface FencedRegister {
  /**
   * Runs `apply` unless the token is stale or was never issued; throws {@link FencedError} otherwise. Check and write are one step: no other write of
   * the key comes between. What `apply` throws is thrown on, and its token stays recorded, for it may have written.
   *
   * A lock that this process holds is checked by its own clock ({@link LockLostError} when it was lost) and needs no call to the store. A bare token
   * costs one `inspect`: it must belong to a lease held now, so that an invented number cannot shut the resource.
   */
  write<T>(proof: FencingProof, apply: () => T | Promise<T>): Promise<T>;
  /** Highest token that wrote the key; 0 when none did. */
  highest(key: string): Promise<number>;
}

/** Makes a {@link FencedRegister}: the place where fencing tokens are checked, next to what they protect. */
export function createFencedRegister(options: FencedRegisterOptions): FencedRegister {
  const { locks, state = memoryFencedState() } = optionsObject('options', options, { locks: 0, state: 0 });
  if (typeof locks?.inspect !== 'function') throw invalid('locks', 'a lock manager', locks);
  if (typeof state.admit !== 'function') throw invalid('state', 'a FencedState', state);
  return new Register(locks, state);
}

class Register implements FencedRegister {
  readonly #locks: Locks;
  readonly #state: FencedState;

  constructor(locks: Locks, state: FencedState) {
    this.#locks = locks;
    this.#state = state;
  }

  async write<T>(proof: FencingProof, apply: () => T | Promise<T>): Promise<T> {
    if (typeof apply !== 'function') throw invalid('apply', 'a function', apply);
    const { key, fencingToken } = optionsObject('proof', proof);
    checkKey('key', key);
    integerIn('fencingToken', fencingToken, 1);
    if (proof instanceof Lease) proof.assertHeld();
    else await this.#assertIssued(key, fencingToken);
    const outcome = await this.#state.admit(key, fencingToken, async () => apply());
    if (!outcome.admitted) throw fenced('stale', fencingToken, outcome.highest);
    return outcome.value;
  }

  async highest(key: string): Promise<number> {
    return this.#state.highest(checkKey('key', key));
  }

  async #assertIssued(key: string, fencingToken: number): Promise<void> {
    const written = await this.#state.highest(key);
    if (fencingToken < written) throw fenced('stale', fencingToken, written);
    const held = await this.#locks.inspect(key);
    // A block of tokens is issued with a grant; its end is the highest, and the lowest of those who hold now is the least that can be current.
    const issued = held?.fencingToken ?? written;
    if (fencingToken > issued) throw fenced('unissued', fencingToken, issued);
    const least = held ? Math.min(...held.holders.map((holder) => holder.fencingToken)) : Infinity;
    if (fencingToken < least) throw fenced('stale', fencingToken, issued);
  }
}

function fenced(reason: FencedError['reason'], fencingToken: number, currentToken: number): FencedError {
  const message =
    reason === 'stale'
      ? `Fencing token ${fencingToken} is stale: its lease is over (the highest known is ${currentToken})`
      : `Fencing token ${fencingToken} was not issued, as far as is known: no lease has it and the highest known is ${currentToken}`;
  return new FencedError(message, { fencingToken, currentToken, reason });
}
