import { samePolicy } from './policy.js';
import type { Decision } from './api.js';
import type { Limit } from './limit.js';
import type { SharedPolicy } from './policy.js';

/** Units the fallback admitted on a key while the store was away. */
export interface AdmittedUnits {
  readonly key: string;
  readonly policy: SharedPolicy;
  /** When the first of them was admitted, by the fallback's clock, epoch microseconds. */
  readonly sinceUs: number;
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
  /** Where each decision's units were entered: a refund of one that was not, or of an earlier outage, must not take another's. */
  readonly #entered = new WeakMap<Decision, AdmittedUnits>();

  add(decision: Decision, key: string, policy: SharedPolicy, units: number, atUs: number): void {
    let entry = this.#admitted.get(key);
    if (!entry) {
      if (this.#admitted.size === maxKeys) return;
      entry = { key, policy, sinceUs: atUs, units: 0 };
      this.#admitted.set(key, entry);
    } else if (!samePolicy(entry.policy.limits, policy.limits)) return;
    entry.units += units;
    this.#entered.set(decision, entry);
  }

  /** Takes back what a refund of `decision` returned to the fallback. */
  subtract(decision: Decision, units: number): void {
    const entry = this.#entered.get(decision);
    if (entry) entry.units -= units;
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

/**
 * What a limit of a blocked key holds for certain of the units entered, `resetAtUs` being all that is known of it: a bucket refills up to that instant; a window
 * that ends there holds what was admitted within it; of older units, and of windows that slide, nothing is known.
 */
export function heldWhileBlocked(
  limit: Limit,
  { units, sinceUs }: AdmittedUnits,
  atUs: number,
  resetAtUs: number,
): number {
  if (resetAtUs <= atUs) return 0;
  if (limit.kind === 'tokenBucket') return Math.floor(((resetAtUs - atUs) * limit.unitsPerUs) / limit.unitsPerToken);
  return sinceUs < resetAtUs - limit.windowUs ? 0 : units;
}
