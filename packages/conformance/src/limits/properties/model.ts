import { withoutClock, withoutPeer } from '../context.js';
import { checkTraces } from '../model/check-traces.js';
import { viaDecideNow, viaEveryWay } from '../model/replay.js';
import type { LimitKind } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

const timeoutMs = 30_000;

function algorithm(kind: LimitKind, words: string): Property<LimiterContext> {
  return {
    id: `model/${words.replaceAll(' ', '-')}`,
    title: `a ${words} answers as the reference does on random traces, to the last digit`,
    timeoutMs,
    unless: ({ store }) =>
      kind === 'slidingLog' && store.capabilities.maxSlidingLogLimit < 1
        ? 'capabilities.maxSlidingLogLimit is 0'
        : undefined,
    run: (context) => checkTraces(context, { kinds: [kind] }),
  };
}

/** The store beside `decideStep` on random traces, each replayed at the clock the store says it used. */
export const modelProperties: readonly Property<LimiterContext>[] = [
  algorithm('tokenBucket', 'token bucket'),
  algorithm('fixedWindow', 'fixed window'),
  algorithm('slidingWindow', 'sliding window'),
  algorithm('slidingLog', 'sliding log'),
  {
    id: 'model/policies',
    title: 'policies of several limits answer as the reference does on random traces',
    timeoutMs,
    run: (context) => checkTraces(context, { maxLimits: 3 }),
  },
  {
    id: 'model/changed-parameters',
    title: 'limits whose parameters, order or company change under way answer as the reference does on random traces',
    timeoutMs,
    run: (context) => checkTraces(context, { maxLimits: 3, policies: 3 }),
  },
  {
    id: 'model/batches',
    title: 'batches of several keys and operations answer as the reference does on random traces',
    timeoutMs,
    run: (context) => checkTraces(context, { maxLimits: 2, maxKeys: 4, maxOps: 5 }),
  },
  {
    id: 'model/decide-now',
    title: 'decideNow answers as the reference does on random traces',
    timeoutMs,
    unless: ({ store }) => (store.decideNow ? undefined : 'the store has no decideNow'),
    run: (context) => checkTraces(context, { maxLimits: 3, policies: 2 }, viaDecideNow),
  },
  {
    id: 'model/decide-now-for',
    title: 'decideNowFor, decideNow and decide share the records of a limiter, on random traces',
    timeoutMs,
    unless: ({ store }) => (store.decideNowFor && store.decideNow ? undefined : 'the store has no decideNowFor'),
    run: (context) => checkTraces(context, { maxLimits: 2, policies: 2 }, viaEveryWay('every-way')),
  },
  {
    id: 'model/two-stores',
    title: 'two stores on the same data answer as one does on random traces',
    timeoutMs,
    unless: withoutPeer,
    run: (context) => checkTraces(context, { maxLimits: 2, maxKeys: 2, maxOps: 2, peers: true }),
  },
  {
    id: 'model/clock-steps',
    title: 'a clock that steps back and forth changes nothing but the time, on random traces',
    timeoutMs,
    unless: withoutClock,
    run: (context) => checkTraces(context, { maxLimits: 2, policies: 2, stepsBack: true }),
  },
];
