import { bytesPerKey } from '../bytes.js';
import { asyncLoop, syncLoop, userKeys } from '../loops.js';
import { countInexact } from './exactness.js';
import * as contestants from './memory-contestants.js';
import type { Table } from '../table.js';

const keys = 10_000;
const manyKeys = 1_000_000;
/** More than a run takes from one key; a larger bucket of one token an hour would take too long to fill. */
const plenty = 500_000;
/** The peers as applications call them: a promise for each decision. */
const peers = ['express-rate-limit', 'limiter', 'rate-limiter-flexible'];

/** Limits in this process's memory. */
export const memory: Table = {
  name: 'memory',
  title: 'Limits in memory',
  about:
    'One caller asks for 10,000 keys in a shuffled order and awaits each decision (`consumeSync`, `tryRemoveTokens` and the bare Map return at once). ' +
    'Headgate decides an exact token bucket, `limiter` a bucket and a window, the other two count in fixed windows. `limiter` has no keys, so it gets one ' +
    '`RateLimiter` per key in a Map. Denied: buckets of one token that the warm-up emptied. Beside other limiters: three more in the process, one with a policy of two limits, each asked as often while the callers warm up. Each contestant asks with the same strings again and again. Bytes: heap and array buffers after collection with 1,000,000 live keys, less those before, the key strings ' +
    'aside. Exact: decisions of 3,000,000 steps (7 per 3 s, 1 per day, 1,000,000 per s) that differ from rational arithmetic in big integers.',
  packages: ['@headgate/memory', 'express-rate-limit', 'limiter', 'rate-limiter-flexible'],
  workloads: [
    {
      id: 'decide',
      title: '10,000 keys',
      unit: 'decisions/s',
      contestants: {
        async 'headgate consume'() {
          const limiter = contestants.headgate(plenty);
          return asyncLoop(userKeys(keys), (key) => limiter.consume(key));
        },
        async 'headgate consume, denied'() {
          // The warm-up drains each key, in the order in which all are asked: so the records lie in memory as those of the allowed calls do.
          const limiter = contestants.headgate(1);
          return asyncLoop(userKeys(keys), (key) => limiter.consume(key));
        },
        async 'headgate consume, beside other limiters'() {
          const limiter = contestants.headgateBesideOthers(plenty);
          return asyncLoop(userKeys(keys), (key) => limiter.consume(key));
        },
        async 'headgate consumeSync'() {
          const limiter = contestants.headgate(plenty);
          return syncLoop(userKeys(keys), (key) => limiter.consumeSync(key));
        },
        async 'express-rate-limit'() {
          return asyncLoop(userKeys(keys), contestants.expressRateLimit());
        },
        async limiter() {
          return asyncLoop(userKeys(keys), contestants.limiterAsync(plenty));
        },
        async 'limiter tryRemoveTokens'() {
          return syncLoop(userKeys(keys), contestants.limiterSync(plenty));
        },
        async 'rate-limiter-flexible'() {
          return asyncLoop(userKeys(keys), contestants.rateLimiterFlexible(plenty));
        },
        async 'bare Map'() {
          return syncLoop(userKeys(keys), contestants.bareMap(plenty));
        },
      },
    },
    {
      id: 'bytes',
      title: '1,000,000 live keys',
      unit: 'bytes/key',
      rounds: { count: 1, ms: 0 },
      contestants: {
        async headgate() {
          const limiter = contestants.headgate(10);
          return bytesPerKey(manyKeys, (key) => limiter.consumeSync(key));
        },
        async 'express-rate-limit'() {
          return bytesPerKey(manyKeys, contestants.expressRateLimit());
        },
        async limiter() {
          return bytesPerKey(manyKeys, contestants.limiterSync(10));
        },
        async 'rate-limiter-flexible'() {
          return bytesPerKey(manyKeys, contestants.rateLimiterFlexible(10));
        },
        async 'bare Map'() {
          return bytesPerKey(manyKeys, contestants.bareMap(10));
        },
      },
    },
    {
      id: 'exact',
      title: 'token bucket against rational arithmetic',
      unit: 'differing decisions',
      rounds: { count: 1, ms: 0 },
      contestants: {
        headgate: async () => ({ round: async () => countInexact() }),
      },
    },
  ],
  rows: [
    {
      title: 'consume, to the fastest peer',
      unit: 'x',
      must: { atLeast: 1 },
      value: (results) => toFastest(results, 'headgate consume'),
    },
    {
      title: 'consumeSync, to the fastest peer',
      unit: 'x',
      must: { atLeast: 1.5 },
      goal: { atLeast: 2 },
      value: (results) => toFastest(results, 'headgate consumeSync'),
    },
    {
      title: 'denied, to allowed',
      unit: 'x',
      must: { atLeast: 0.9 },
      value: ({ ratio }) => ratio(['decide', 'headgate consume, denied'], ['decide', 'headgate consume']),
    },
    {
      title: 'bytes per live key at 1,000,000 keys',
      unit: 'bytes',
      must: { atMost: 140 },
      goal: { atMost: 100 },
      value: ({ median }) => median('bytes', 'headgate'),
    },
    {
      title: 'decisions that differ from exact arithmetic',
      unit: 'of 3,000,000',
      must: { atMost: 0 },
      value: ({ median }) => median('exact', 'headgate'),
    },
  ],
};

function toFastest(
  { best, ratio }: Parameters<Table['rows'][number]['value']>[0],
  ours: string,
): { readonly value: number; readonly against: string } {
  const fastest = best('decide', peers);
  return { value: ratio(['decide', ours], ['decide', fastest]), against: fastest };
}
