import { describe, expect, it } from 'vitest';
import { plainLockStore } from '../test/plain-lock-store.js';
import { ScriptedStore } from '../test/scripted-store.js';
import {
  casLimiterStore,
  createFencedRegister,
  createLimiter,
  createLocks,
  createManualClock,
  fixedWindow,
  InvalidArgumentError,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from './index.js';
import type { AcquireOptions } from './index.js';

// What plain JavaScript lets through: none of these compile.
const clock = createManualClock();
const limit = { name: 'api', store: new ScriptedStore(clock), limits: fixedWindow({ limit: 1, windowMs: 1 }), clock };
const lock = { name: 'files', store: plainLockStore({ clock }), ttlMs: 1000, clock };
const limiter = createLimiter(limit);
const locks = createLocks(lock);
const session = locks.session('worker');
const decision = await limiter.consume('k');

/** Each misspelt option with the one that is meant. */
const misspelt: readonly [string, string, () => unknown][] = [
  ['timeoutMS', 'timeoutMs', () => createLimiter({ ...limit, timeoutMS: 5 } as never)],
  ['fallbak', 'fallback', () => createLimiter({ ...limit, fallbak: undefined } as never)],
  ['fallback.shares', 'fallback.share', () => createLimiter({ ...limit, fallback: { shares: 1 } } as never)],
  ['breaker.failure', 'breaker.failures', () => createLimiter({ ...limit, breaker: { failure: 1 } } as never)],
  ['denyCache.maxKey', 'denyCache.maxKeys', () => createLimiter({ ...limit, denyCache: { maxKey: 1 } } as never)],
  ['hooks.onDecide', 'hooks.onDecision', () => createLimiter({ ...limit, hooks: { onDecide: () => {} } } as never)],
  ['windowMS', 'windowMs', () => fixedWindow({ limit: 1, windowMS: 1 } as never)],
  ['alignd', 'aligned', () => fixedWindow({ limit: 1, windowMs: 1, alignd: true } as never)],
  ['max', 'name', () => slidingWindow({ max: 1, windowMs: 1 } as never)],
  ['limits', 'limit', () => slidingLog({ limits: 1, windowMs: 1 } as never)],
  ['refillTokns', 'refillTokens', () => tokenBucket({ capacity: 1, refillTokns: 1, refillIntervalMs: 1 } as never)],
  ['maxAttempt', 'maxAttempts', () => casLimiterStore({ name: 'x', maxAttempt: 1 } as never)],
  ['costs', 'cost', () => limiter.consume('k', { costs: 2 } as never)],
  ['Limits', 'limits', () => limiter.consume('k', { Limits: [] } as never)],
  ['cots', 'cost', () => limiter.consumeUpTo('k', { cots: 2 } as never)],
  ['Signal', 'signal', () => limiter.peek('k', { Signal: undefined } as never)],
  ['costs', 'cost', () => limiter.penalize('k', { cost: 1, costs: 2 } as never)],
  ['limit', 'limits', () => limiter.block('k', 1, { limit: [] } as never)],
  ['limit', 'limits', () => limiter.reset('k', { limit: [] } as never)],
  ['maxWaitMS', 'maxWaitMs', () => limiter.wait('k', { maxWaitMS: 1 } as never)],
  ['costs', 'cost', () => limiter.refund(decision, { costs: 1 } as never)],
  ['ttlMS', 'ttlMs', () => createLocks({ ...lock, ttlMs: undefined, ttlMS: 1 } as never)],
  ['passOn.maxLease', 'passOn.maxLeases', () => createLocks({ ...lock, passOn: { maxLease: 1 } } as never)],
  ['hooks.onacquire', 'hooks.onAcquire', () => createLocks({ ...lock, hooks: { onacquire: () => {} } } as never)],
  ['waitMS', 'waitMs', () => locks.acquire('k', { waitMS: 1 } as never)],
  ['ttl', 'ttlMs', () => locks.tryAcquire('k', { ttl: 1 } as never)],
  ['metdata', 'metadata', () => locks.withLock('k', () => 1, { metdata: {} } as never)],
  ['permit', 'permits', () => locks.acquireAll(['k'], { permit: 1 } as never)],
  ['metdata', 'metadata', () => locks.session('s', { metdata: {} } as never)],
  ['ttlMS', 'ttlMs', () => session.acquire('k', { ttlMS: 1 } as never)],
  ['filter.session', 'filter.sessionId', () => locks.list({ session: 's' } as never)],
  ['leaseID', 'leaseId', () => locks.forceRelease('k', { leaseID: 'x' } as never)],
  ['lock', 'locks', () => createFencedRegister({ lock: locks } as never)],
  ['nowMs', 'nowUs', () => createManualClock({ nowMs: 1 } as never)],
];

const refusal = async (run: () => unknown): Promise<unknown> => {
  try {
    await run();
  } catch (error) {
    return error;
  }
  return expect.unreachable('it was accepted');
};

describe('an option that does not exist', () => {
  it.each(misspelt)('%s is refused, and %s named', async (wrong, meant, run) => {
    const error = await refusal(run);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toHaveProperty('message', `Unknown option \`${wrong}\`; did you mean \`${meant}\`?`);
  });

  it('is not what a try makes of the options of a wait, which the types let through too', async () => {
    const options: AcquireOptions = { waitMs: 5 };
    expect(await locks.tryAcquire('k', options)).toMatchObject({ acquired: true });
  });

  it('is named like anything else when it is called like a member of every object', async () => {
    expect(await refusal(() => createLimiter({ ...limit, toString: 1 } as never))).toHaveProperty(
      'message',
      expect.stringContaining('Unknown option `toString`'),
    );
  });
});

describe('null is no value of an option', () => {
  const nulls: readonly [string, () => unknown][] = [
    ['breaker', () => createLimiter({ ...limit, breaker: null } as never)],
    ['timeoutMs', () => createLimiter({ ...limit, timeoutMs: null } as never)],
    ['hooks', () => createLimiter({ ...limit, hooks: null } as never)],
    ['breaker.openMs', () => createLimiter({ ...limit, breaker: { openMs: null } } as never)],
    ['passOn', () => createLocks({ ...lock, passOn: null } as never)],
    ['signal', () => limiter.consume('k', { signal: null } as never)],
    ['waitMs', () => locks.acquire('k', { waitMs: null } as never)],
    ['name', () => fixedWindow({ name: null, limit: 1, windowMs: 1 } as never)],
  ];
  it.each(nulls)('%s', async (option, run) => {
    const error = await refusal(run);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toHaveProperty('message', expect.stringContaining(`Expected \`${option}\` to be set or left out`));
  });

  it('and nothing but an object, or its absence, is a deny cache', async () => {
    for (const denyCache of [false, 0, '', true]) {
      const error = await refusal(() => createLimiter({ ...limit, denyCache } as never));
      expect(error).toHaveProperty('message', expect.stringContaining('Expected `denyCache` to be an options object'));
    }
    expect(createLimiter({ ...limit, denyCache: undefined }).name).toBe('api');
  });
});
