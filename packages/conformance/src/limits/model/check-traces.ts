import fc from 'fast-check';
import { arbitraryTrace } from './arbitrary-trace.js';
import { replay, viaDecide } from './replay.js';
import type { LimitKind } from '@headgate/core';
import type { LimiterContext } from '../context.js';
import type { TraceChoice } from './arbitrary-trace.js';
import type { Ask } from './replay.js';

/** How many traces, and how long ones, where time is moved and where it is waited for. */
const effort = { movable: { runs: 150, steps: 30 }, waiting: { runs: 20, steps: 14 } } as const;
/** After this many milliseconds no further trace is begun, and a counterexample is shrunk no further. */
const longestMs = 6000;

const allKinds: readonly LimitKind[] = ['tokenBucket', 'fixedWindow', 'slidingWindow', 'slidingLog'];

/**
 * Holds the store to the reference model on random traces and throws the first difference of the shortest trace that shows one, with
 * the seed and path that make it again.
 */
export async function checkTraces(
  context: LimiterContext,
  wanted: Partial<TraceChoice>,
  ask: Ask = viaDecide(context),
): Promise<void> {
  const { maxSlidingLogLimit, maxBatchSteps, maxStepOps } = context.store.capabilities;
  const { runs, steps } = context.clock ? effort.movable : effort.waiting;
  const choice: TraceChoice = {
    kinds: allKinds,
    movable: context.clock !== undefined,
    maxLog: maxSlidingLogLimit,
    maxLimits: 1,
    policies: 1,
    stepsBack: false,
    peers: false,
    maxSteps: steps,
    ...wanted,
    maxKeys: Math.min(wanted.maxKeys ?? 1, maxBatchSteps),
    maxOps: Math.min(wanted.maxOps ?? 1, maxStepOps),
  };
  const peer = choice.peers ? await context.peer() : undefined;
  const details = await fc.check(
    fc.asyncProperty(arbitraryTrace(choice), (trace) => replay(trace, context, ask, peer)),
    { seed: context.seed, numRuns: runs, interruptAfterTimeLimit: longestMs },
  );
  if (!details.failed) return;
  const { errorInstance, counterexample, counterexamplePath, seed } = details;
  const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(
    `${message} (seed ${seed}, path ${counterexamplePath})\nshortest trace found: ${JSON.stringify(counterexample?.[0])}`,
    { cause: errorInstance },
  );
}
