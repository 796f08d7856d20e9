import fc from 'fast-check';
import type { LockMode } from '@headgate/core';
import { runTrace, traces } from '../model/trace.js';
import { inMovedTime, type LockProperty } from './claim.js';

/** How long traces are tried, milliseconds; shrinking a failure has as long again. */
const tryForMs = 5_000;

/** Random sequences of operations, each answer held to the reference model. */
export const traceProperties: readonly LockProperty[] = [
  inMovedTime({
    id: 'traces/answers-fit-the-model',
    title:
      'every answer of random traces (acquire, repeat, extend, release, abort, force, session release, expiry) fits the reference model',
    timeoutMs: 60_000,
    async run(test) {
      const { shared, permits } = test.store.capabilities;
      const modes: LockMode[] = [
        'exclusive',
        ...(shared ? ['shared' as const] : []),
        ...(permits ? ['permit' as const] : []),
      ];
      const instances = [test.store, await test.peer()];
      await fc.assert(
        fc.asyncProperty(traces(modes), (trace) => runTrace(test, instances, trace)),
        { seed: test.seed, numRuns: 500, interruptAfterTimeLimit: tryForMs, markInterruptAsFailure: false },
      );
    },
  }),
];
