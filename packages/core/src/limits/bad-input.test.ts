import { describe, expect, it } from 'vitest';
import { limits } from '../../test/limiter-bench.js';
import { ScriptedStore } from '../../test/scripted-store.js';
import { InvalidArgumentError, UnsupportedError } from '../errors.js';
import { createManualClock } from '../manual-clock.js';
import { slidingLog, slidingWindow } from './limit.js';
import { createLimiter } from './limiter.js';
import type { Limiter, LimiterOptions } from './api.js';

describe('bad input', () => {
  const clock = createManualClock();
  const store = new ScriptedStore(clock);
  const good: LimiterOptions = { name: 'api', store, limits, clock };
  const options: [string, object][] = [
    ['name', { name: '' }],
    ['name', { name: 'a:b' }],
    ['name', { name: 5 }],
    ['store', { store: {} }],
    ['store', { store: null }],
    ['limits', { limits: [] }],
    ['limits', { limits: undefined }],
    ['limits', { limits: 'ten' }],
    ['limits[1]', { limits: [limits[0], {}] }],
    ['limits', { limits: { ...limits[0] } }],
    ['limits', { limits: Object.freeze({ ...limits[0], limit: 0.5 }) }],
    ['limits', { limits: Object.freeze({ ...limits[0], unitsPerToken: 2 ** 52 }) }],
    ['limits', { limits: Object.freeze({ ...limits[1], windowUs: 7 }) }],
    ['limits.name', { limits: Object.freeze({ ...limits[1], name: 'a b' }) }],
    ['limits', { limits: [limits[0], limits[0]] }],
    ['limits.limit', { limits: slidingLog({ limit: 1001, windowMs: 1000 }) }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: 1.5 }],
    ['timeoutMs', { timeoutMs: NaN }],
    ['timeoutMs', { timeoutMs: Infinity }],
    ['timeoutMs', { timeoutMs: '100' }],
    ['onStoreFailure', { onStoreFailure: 'ignore' }],
    ['onStoreFailure', { onStoreFailure: 'fallback' }],
    ['onStoreFailure', { onStoreFailure: 'open', fallback: { store: new ScriptedStore(clock) } }],
    ['fallback', { fallback: null }],
    ['fallback.store', { fallback: { store } }],
    ['fallback.store', { fallback: { store: 1 } }],
    ['fallback.share', { fallback: { store: new ScriptedStore(clock), share: 0 } }],
    ['fallback.share', { fallback: { store: new ScriptedStore(clock), share: 1.1 } }],
    ['fallback.share', { fallback: { store: new ScriptedStore(clock), share: NaN } }],
    ['fallback.share', { fallback: { store: new ScriptedStore(clock), share: Math.PI / 4 } }],
    ['fallback.reconcile', { fallback: { store: new ScriptedStore(clock), reconcile: 1 } }],
    ['breaker.failures', { breaker: { failures: 0 } }],
    ['breaker.openMs', { breaker: { openMs: -1 } }],
    ['breaker.maxOpenMs', { breaker: { openMs: 10, maxOpenMs: 9 } }],
    ['breaker', { breaker: [] }],
    ['denyCache', { denyCache: true }],
    ['denyCache.maxMs', { denyCache: { maxMs: 0 } }],
    ['denyCache.maxKeys', { denyCache: { maxKeys: 2 ** 25 } }],
    ['maxInFlight', { maxInFlight: 9 }],
    ['maxInFlight', { maxInFlight: 0 }],
    ['maxQueue', { maxQueue: 0 }],
    ['hooks', { hooks: 'x' }],
    ['hooks.onDecision', { hooks: { onDecision: 3 } }],
    ['clock', { clock: 5 }],
    ['clock.nowUs', { clock: {} }],
  ];
  it.each(options)('option %s is refused at construction: %j', (name, wrong) => {
    const make = (): Limiter => createLimiter({ ...good, ...wrong } as LimiterOptions);
    expect(make).toThrow(InvalidArgumentError);
    expect(make).toThrow(`Expected \`${name}\` to be `);
  });

  const calls: [string, (limiter: Limiter) => Promise<unknown>][] = [
    ['key', (l) => l.consume('')],
    ['key', (l) => l.consume(5 as never)],
    ['key', (l) => l.consume('x'.repeat(4097))],
    ['key', (l) => l.consume('é'.repeat(2049))],
    ['key', (l) => l.peek('\ud800')],
    ['key', (l) => l.reset('a\udc00b')],
    ['cost', (l) => l.consume('k', { cost: -1 })],
    ['cost', (l) => l.consume('k', { cost: 0.5 })],
    ['cost', (l) => l.consume('k', { cost: NaN })],
    ['cost', (l) => l.consume('k', { cost: Infinity })],
    ['cost', (l) => l.consume('k', { cost: 2 ** 53 })],
    ['cost', (l) => l.consume('k', { cost: null as never })],
    ['cost', (l) => l.consumeUpTo('k', {} as never)],
    ['cost', (l) => l.penalize('k', {} as never)],
    ['cost', (l) => l.wait('k', { cost: '1' as never })],
    ['options', (l) => l.consume('k', 5 as never)],
    ['options', (l) => l.consume('k', null as never)],
    ['options', (l) => l.consumeUpTo('k', undefined as never)],
    ['limits', (l) => l.consume('k', { limits: [] })],
    ['limits.limit', (l) => l.peek('k', { limits: slidingLog({ limit: 1001, windowMs: 5 }) })],
    ['signal', (l) => l.consume('k', { signal: {} as never })],
    ['forMs', (l) => l.block('k', 0)],
    ['forMs', (l) => l.block('k', 2 ** 41)],
    ['maxWaitMs', (l) => l.wait('k', { maxWaitMs: -1 })],
    ['decision', (l) => l.refund(undefined as never)],
    ['decision', (l) => l.refund({ allowed: true } as never)],
  ];
  it.each(calls)('argument %s is refused before the store is touched: %s', async (name, call) => {
    const limiter = createLimiter(good);
    const before = store.calls.length;
    const error = await call(limiter).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect((error as Error).message).toContain(`Expected \`${name}\` to be `);
    expect(store.calls).toHaveLength(before);
  });

  it('consumeSync needs an in-process store', () => {
    expect(() => createLimiter(good).consumeSync('k')).toThrow(UnsupportedError);
  });

  it('accepts the largest cost and sees through a list that was changed after its first use', async () => {
    const limiter = createLimiter(good);
    expect(await limiter.consume('max', { cost: Number.MAX_SAFE_INTEGER })).toMatchObject({ reason: 'capacity' });
    const list = [slidingWindow({ name: 'a', limit: 5, windowMs: 1000 })];
    await limiter.consume('list', { limits: list });
    list.push(slidingWindow({ name: 'a', limit: 6, windowMs: 1000 }));
    await expect(limiter.consume('list', { limits: list })).rejects.toThrow(/distinct names/);
  });
});
