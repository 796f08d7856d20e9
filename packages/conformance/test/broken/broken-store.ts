import { decideStep } from '@headgate/core';
import { manualClock } from '../../src/index.js';
import { fixtureOf, referenceLimiterStore } from '../reference-limiter-store.js';
import type { LimiterAnswer, LimiterStore, StepOutcome } from '@headgate/core';
import type { Faults, LimiterFixture } from '../../src/index.js';
import type { Decide, ReferenceOptions, Records } from '../reference-limiter-store.js';

/** A store broken on purpose, and the property that must notice. */
export interface BrokenStore {
  /** What is wrong with it, in a few words. */
  readonly fault: string;
  /** Id of the property that names the fault. */
  readonly caughtBy: string;
  make(): LimiterFixture;
  readonly faults?: Faults;
}

/** A fixture of a reference store with some parts replaced, on a clock that can be moved; peers are broken alike. */
export function broken(
  options: ReferenceOptions = {},
  wrap: (store: LimiterStore) => LimiterStore = (s) => s,
): LimiterFixture {
  const clock = manualClock();
  const records: Records = options.records ?? new Map();
  const make = (): LimiterStore => wrap(referenceLimiterStore({ clock, records, ...options }));
  return fixtureOf(make(), records, { clock, openPeer: make });
}

/** Decides rightly and then alters each answer. */
export function altering(change: (answer: LimiterAnswer) => LimiterAnswer): Decide {
  return (...step) => {
    const outcome = decideStep(...step);
    return { ...outcome, result: { ...outcome.result, answers: outcome.result.answers.map(change) } };
  };
}

/** Decides one operation at a time by `decideOne`, which may do something else for some of them. */
export function operationwise(decideOne: (...step: Parameters<Decide>) => StepOutcome): Decide {
  return (record, limits, ops, nowUs) => {
    let current = record;
    let changed = false;
    const results = ops.map((op) => {
      const outcome = decideOne(current, limits, [op], nowUs);
      if (outcome.changed) current = outcome.record;
      changed ||= outcome.changed;
      return outcome.result;
    });
    const [first] = results;
    if (!first) throw new Error('No operations');
    return { record: current, changed, result: { ...first, answers: results.flatMap(({ answers }) => answers) } };
  };
}
