import type { HolderInfo } from '../errors.js';
import { joinKey } from '../keys.js';
import type { LockState } from './contract.js';

/** Takes the manager's name off what a store tells: keys and session ids are joined with it on the way in. */
export class Outward {
  readonly prefix: string;

  constructor(name: string) {
    this.prefix = joinKey(name, '');
  }

  /** The caller's form of a key or session id; one of another manager stays as it is. */
  strip(joined: string): string {
    return joined.startsWith(this.prefix) ? joined.slice(this.prefix.length) : joined;
  }

  holders(holders: readonly HolderInfo[]): readonly HolderInfo[] {
    return holders.map((holder) => {
      const { sessionId } = holder;
      return sessionId === undefined ? holder : { ...holder, sessionId: this.strip(sessionId) };
    });
  }

  state(state: LockState): LockState {
    return { ...state, key: this.strip(state.key), holders: this.holders(state.holders) };
  }
}
