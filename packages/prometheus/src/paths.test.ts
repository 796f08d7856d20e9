import { createLimiter, createLocks, fixedWindow, StoreError } from '@headgate/core';
import type { AcquireEvent, DecisionEvent, LimiterOptions, LimiterStore, LockStore } from '@headgate/core';
import { memoryLimiterStore, memoryLockStore } from '@headgate/memory';
import { expect, test } from 'vitest';

const limits = fixedWindow({ limit: 1, windowMs: 60_000 });

/** A store that is away: what stands behind it never gets the call. */
const away: LimiterStore = {
  ...(({ name, clock, capabilities }) => ({ name, clock, capabilities }))(memoryLimiterStore()),
  decide: () => Promise.reject(new StoreError('away', { store: 'memory', kind: 'connection' })),
  close: () => Promise.resolve(),
};

type Decide = (limiter: ReturnType<typeof createLimiter>) => Promise<unknown>;
const twice: Decide = async (limiter) => [await limiter.consume('a'), await limiter.consume('a')];

/** Path, options beside name and limits, calls, and the outcomes and sources that must be told, one for each call. */
const limiterPaths: readonly (readonly [string, Partial<LimiterOptions>, Decide, readonly string[]])[] = [
  ['allowed, then denied', {}, twice, ['allowed store', 'denied store quota']],
  [
    'blocked',
    {},
    async (limiter) => {
      await limiter.block('a', 1000);
      await limiter.consume('a');
    },
    ['denied store blocked'],
  ],
  ['above the capacity', {}, (limiter) => limiter.consume('a', { cost: 2 }), ['denied store capacity']],
  ['as much as is left', {}, (limiter) => limiter.consumeUpTo('a', { cost: 5 }), ['allowed store']],
  ['peek', {}, (limiter) => limiter.peek('a'), []],
  ['wait, allowed', {}, (limiter) => limiter.wait('a'), ['allowed store']],
  ['wait, denied', {}, (limiter) => limiter.wait('a', { cost: 2 }), ['denied store capacity']],
  [
    'deny cache',
    { denyCache: {} },
    async (limiter) => [await twice(limiter), await limiter.consume('a')],
    ['allowed store', 'denied store quota', 'denied cache quota'],
  ],
  ['away, open', { store: away, onStoreFailure: 'open' }, (limiter) => limiter.consume('a'), ['allowed open']],
  [
    'away, closed',
    { store: away, onStoreFailure: 'closed' },
    (limiter) => limiter.consume('a'),
    ['denied closed closed'],
  ],
  ['away, throw', { store: away }, (limiter) => limiter.consume('a').catch(() => undefined), ['error store']],
  [
    'away, fallback',
    { store: away, fallback: { store: memoryLimiterStore() } },
    twice,
    ['allowed fallback', 'denied fallback quota'],
  ],
];

test.each(limiterPaths)('limiter: %s tells exactly one decision per call', async (_path, options, decide, expected) => {
  const told: string[] = [];
  const onDecision = ({ outcome, source, reason }: DecisionEvent): void => {
    told.push([outcome, source, ...(reason ? [reason] : [])].join(' '));
  };
  await decide(
    createLimiter({ name: 'paths', store: memoryLimiterStore(), limits, hooks: { onDecision }, ...options }),
  );
  expect(told).toEqual(expected);
});

type Take = (locks: ReturnType<typeof createLocks>) => Promise<unknown>;
const lockPaths: readonly (readonly [string, Take, readonly string[]])[] = [
  ['acquired and released', async (locks) => (await locks.acquire('a')).release(), ['acquired', 'end released']],
  [
    'busy',
    async (locks) => {
      const lock = await locks.acquire('a');
      await locks.tryAcquire('a');
      await lock.release();
    },
    ['acquired', 'busy', 'end released'],
  ],
  [
    'timed out',
    async (locks) => {
      const lock = await locks.acquire('a');
      await expect(locks.acquire('a', { waitMs: 20 })).rejects.toMatchObject({ code: 'HEADGATE_ACQUIRE_TIMEOUT' });
      await lock.release();
    },
    ['acquired', 'timeout', 'end released'],
  ],
  [
    'aborted',
    (locks) => locks.acquire('a', { signal: AbortSignal.abort(new Error('enough')) }).catch(() => undefined),
    ['aborted'],
  ],
  [
    'session released',
    async (locks) => [await locks.session('s').acquire('a'), await locks.releaseSession('s')],
    ['acquired', 'end session'],
  ],
  ['forced', async (locks) => [await locks.acquire('a'), await locks.forceRelease('a')], ['acquired', 'end session']],
];

test.each(lockPaths)(
  'lock: %s tells exactly one outcome per acquire and one end per lease',
  async (_path, take, expected) => {
    const told: string[] = [];
    const hooks = {
      onAcquire: ({ outcome }: AcquireEvent) => void told.push(outcome),
      onLeaseEnd: ({ ended }: { ended: string }) => void told.push(`end ${ended}`),
    };
    const locks = createLocks({ name: 'paths', store: memoryLockStore(), ttlMs: 10_000, hooks });
    await take(locks);
    expect(told).toEqual(expected);
    await locks.close();
  },
);

test('lock: a store that is away is told as one error', async () => {
  const told: string[] = [];
  const store: LockStore = memoryLockStore();
  store.acquire = () => Promise.reject(new StoreError('away', { store: 'memory', kind: 'connection' }));
  const hooks = { onAcquire: ({ outcome }: AcquireEvent) => void told.push(outcome) };
  const locks = createLocks({ name: 'paths', store, ttlMs: 10_000, hooks });
  await expect(locks.acquire('a', { waitMs: 0 })).rejects.toBeInstanceOf(StoreError);
  expect(told).toEqual(['error']);
});
