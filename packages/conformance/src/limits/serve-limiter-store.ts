import { serveHolder } from '../process/serve.js';
import type { LimiterStep, LimiterStore } from '@headgate/core';

/** The body of a holder program for limiter stores: serves `store` to the suite until the suite goes away. */
export function serveLimiterStore(store: LimiterStore): void {
  serveHolder({
    /** Sends every step as a call of its own, at once, and returns how many of the first answers allowed. */
    storm: async (steps: readonly LimiterStep[]): Promise<number> => {
      const results = await Promise.all(steps.map((step) => store.decide([step], {})));
      let allowed = 0;
      for (const [result] of results) {
        if (!result) throw new Error('A step came back without a result');
        if ('error' in result) throw result.error;
        if (result.answers[0]?.allowed) allowed += 1;
      }
      return allowed;
    },
    decide: (steps: readonly LimiterStep[]) => store.decide(steps, {}),
  });
}
