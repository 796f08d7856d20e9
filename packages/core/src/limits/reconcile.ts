import { samePolicy } from './policy.js';
import type { Limit } from './limit.js';
import type { Policy } from './policy.js';

/** Units the fallback admitted on a key while the store was away. */
export interface AdmittedUnits {
  readonly key: string;
  readonly policy: Policy;
  units: number;
}

/** Most keys remembered; beyond it, units stay with the fallback alone: the store is charged at most. */
const maxKeys = 100_000;

/**
 * What the fallback admitted and the store does not know of. Only calls that never reached the store are entered: one whose reply was lost may have been
 * charged there already, and must not be charged twice.
 */
export class ReconcileLedger {
  #admitted = new Map<string, AdmittedUnits>();

  add(key: string, policy: Policy, units: number): void {
    const entry = this.#admitted.get(key);
    if (!entry) {
      if (this.#admitted.size < maxKeys) this.#admitted.set(key, { key, policy, units });
    } else if (samePolicy(entry.policy.limits, policy.limits)) {
      entry.units += units;
    }
  }

  /** Takes back what a refund returned to the fallback. */
  subtract(key: string, shares: readonly Limit[], units: number): void {
    const entry = this.#admitted.get(key);
    if (entry && samePolicy(entry.policy.shares, shares)) entry.units = Math.max(0, entry.units - units);
  }

  forget(key: string): void {
    this.#admitted.delete(key);
  }

  /** Hands over everything, once. */
  take(): AdmittedUnits[] {
    const entries = [...this.#admitted.values()];
    this.#admitted = new Map();
    return entries;
  }
}
