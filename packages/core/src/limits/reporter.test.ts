import { describe, expect, it } from 'vitest';
import { limiterBench } from '../../test/limiter-bench.js';
import type { LimiterBench } from '../../test/limiter-bench.js';
import type { Hooks } from '../hooks/events.js';
import type { LimiterOptions } from './api.js';

describe('hooks', () => {
  function listening(options: Partial<LimiterOptions> = {}): LimiterBench & { seen: string[] } {
    const seen: string[] = [];
    const hooks: Hooks = {
      onDecision: (event) =>
        seen.push(
          `decision ${event.outcome} ${event.source} ${event.cost} ${event.reason ?? '-'} ${event.violated ?? '-'}`,
        ),
      onStoreCall: (event) =>
        seen.push(`call ${event.operation} ${event.outcome} ${event.items} ${event.errorKind ?? '-'}`),
      onRefund: (event) => seen.push(`refund ${event.units}`),
      onLimiterWait: (event) => seen.push(`wait ${event.outcome} ${event.waitMs}`),
      onDeclare: (series) => seen.push(`declare ${JSON.stringify(series)}`),
    };
    return { ...limiterBench({ hooks, ...options }), seen };
  }

  it('hear exactly one decision per call that asks, one store call per round trip, and nothing of keys', async () => {
    const { limiter, clock, seen } = listening();
    const spent = await limiter.consume('k', { cost: 5 });
    await limiter.consume('k');
    await limiter.consumeUpTo('k', { cost: 2 });
    await limiter.peek('k');
    await limiter.refund(spent, { cost: 4 });
    const waiting = limiter.wait('k', { cost: 5 });
    await clock.advance(1000);
    await waiting;
    await limiter.reset('k');
    expect(seen).toEqual([
      'declare {"kind":"limiter","limiter":"api","store":"scripted","fallback":"throw"}',
      'call decide ok 1 -',
      'decision allowed store 5 - -',
      'call decide ok 1 -',
      'decision denied store 1 quota rate',
      'call decide ok 1 -',
      'decision denied store 2 quota rate',
      'call decide ok 1 -',
      'call decide ok 1 -',
      'refund 4',
      'call decide ok 1 -',
      'call decide ok 1 -',
      'wait allowed 1000',
      'decision allowed store 5 - -',
      'call decide ok 1 -',
    ]);
  });

  it('hear of errors and aborts, and cannot change an outcome by throwing', async () => {
    const { limiter, store, seen } = listening();
    store.mode = 'fail';
    await limiter.consume('k').catch(() => undefined);
    await limiter.wait('k').catch(() => undefined);
    await limiter.wait('k', { signal: AbortSignal.abort() }).catch(() => undefined);
    expect(seen.slice(1)).toEqual([
      'call decide error 1 connection',
      'decision error store 1 - -',
      'call decide error 1 connection',
      'wait error 0',
      'decision error store 1 - -',
    ]);
    const inProcess = Object.assign(store, {
      decideNow: (): never => expect.unreachable('a call without a key reaches no store'),
    });
    const nowhere = listening({ store: inProcess });
    await nowhere.limiter.consume('').catch(() => undefined);
    expect(nowhere.seen.slice(1), 'a caller’s mistake is no decision').toEqual([]);
    const thrown: unknown[] = [];
    const loud = limiterBench({
      hooks: {
        onDecision: () => {
          throw new Error('loud');
        },
        onHookError: ({ hook }) => thrown.push(hook),
      },
    });
    expect((await loud.limiter.consume('k')).allowed).toBe(true);
    expect(thrown).toEqual(['onDecision']);
  });
});
