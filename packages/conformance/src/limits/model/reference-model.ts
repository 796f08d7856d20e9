import { decideStep, recordFreshAtUs } from '@headgate/core';
import { describeDifference } from './compare.js';
import type { LimiterDecided, LimiterRecord, LimiterStep } from '@headgate/core';

/**
 * The definition, run beside a store: a map of records and `decideStep`. It has no clock of its own; each step is decided again at the
 * `nowUs` the store says it used, so that the store's answers can be compared to the last digit whatever its clock did.
 */
export class ReferenceModel {
  readonly #records = new Map<string, LimiterRecord>();
  /** The latest clock seen: a record that was fresh then may be gone even when the clock has stepped back since. */
  #highestUs = 0;

  /** Decides `step` as the store did and throws, naming the first difference, when the answers are not the same. */
  check(step: LimiterStep, actual: LimiterDecided): void {
    const { nowUs } = actual;
    const known = this.#records.get(step.key);
    const mayBeGone = known !== undefined && recordFreshAtUs(known) <= this.#highestUs && nowUs < this.#highestUs;
    const outcomes = (mayBeGone ? [known, undefined] : [known]).map((record) =>
      decideStep(record, step.limits, step.ops, nowUs),
    );
    const differences = outcomes.map(({ result }) => describeDifference(step, actual, result));
    const match = differences.indexOf(undefined);
    if (match < 0) throw new Error(differences[0]);
    this.#highestUs = Math.max(this.#highestUs, nowUs);
    const { changed, record } = outcomes[match] as (typeof outcomes)[number];
    if (!changed && match === 0) return;
    if (record) this.#records.set(step.key, record);
    else this.#records.delete(step.key);
  }
}
