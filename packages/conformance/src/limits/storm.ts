import type { LimiterDecided, LimiterStep, LimiterStore, StoreError } from '@headgate/core';
import type { LimiterContext } from './context.js';

/** Callers at once on each store. */
const callersPerStore = 12;
/** Rounds after which contention is taken for a store that makes no progress. */
const longestContention = 2000;

/** Decides each step by a call of its own, from many callers on all `stores` at once; results in the order of the steps. */
export async function storm(
  context: LimiterContext,
  stores: readonly LimiterStore[],
  steps: readonly LimiterStep[],
): Promise<readonly LimiterDecided[]> {
  const results: LimiterDecided[] = [];
  let next = 0;
  const caller = async (store: LimiterStore): Promise<void> => {
    while (next < steps.length) {
      const index = next++;
      results[index] = (await patiently(store, [steps[index] as LimiterStep]))[0] as LimiterDecided;
    }
  };
  await whileTimeRuns(
    context,
    Promise.all(stores.flatMap((store) => Array.from({ length: callersPerStore }, () => caller(store)))),
  );
  return results;
}

/** A store that pauses before another attempt pauses by its clock: one that is moved by hand has to run meanwhile. */
export async function whileTimeRuns<T>({ clock }: LimiterContext, work: Promise<T>): Promise<T> {
  const timer = clock && setInterval(() => clock.advance(1), 1);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** Decides a batch, asking again for the steps that came back contended: those, by contract, were not charged. */
export async function patiently(
  store: LimiterStore,
  steps: readonly LimiterStep[],
): Promise<readonly LimiterDecided[]> {
  const decided = new Map<LimiterStep, LimiterDecided>();
  let left = steps;
  for (let round = 0; left.length > 0; round++) {
    if (round > longestContention) throw new Error(`Still contended after ${longestContention} attempts`);
    const results = await store.decide(left, {});
    const asked = left;
    left = asked.filter((step, i) => {
      const result = results[i];
      if (!result) throw new Error('A step came back without a result');
      if (!('error' in result)) decided.set(step, result);
      else if (!isContended(result.error)) throw result.error;
      return 'error' in result;
    });
  }
  return steps.map((step) => decided.get(step) as LimiterDecided);
}

function isContended(error: StoreError): boolean {
  return error.code === 'HEADGATE_STORE_CONTENDED';
}
