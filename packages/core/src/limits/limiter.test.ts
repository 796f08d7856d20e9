import { describe, expect, it } from 'vitest';
import { ScriptedStore } from '../../test/scripted-store.js';
import { ClosedError, InvalidArgumentError, QueueFullError, UnsupportedError } from '../errors.js';
import { createManualClock } from '../manual-clock.js';
import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from './limit.js';
import { createLimiter } from './limiter.js';
import type { ManualClock } from '../manual-clock.js';
import type { Hooks } from '../hooks/events.js';
import type { Decision, DeniedDecision, Limiter, LimiterOptions } from './api.js';

const limits = [
  tokenBucket({ name: 'rate', capacity: 5, refillTokens: 1, refillIntervalMs: 1000 }),
  fixedWindow({ name: 'hour', limit: 8, windowMs: 3_600_000 }),
];

function setUp(options: Partial<LimiterOptions> = {}): { clock: ManualClock; store: ScriptedStore; limiter: Limiter } {
  const clock = createManualClock();
  const store = new ScriptedStore(clock);
  return { clock, store, limiter: createLimiter({ name: 'api', store, limits, clock, ...options }) };
}

describe('a decision', () => {
  it('names the tightest limit, every policy and the clock it was made by', async () => {
    const { limiter, clock } = setUp();
    const decision = await limiter.consume('k', { cost: 3 });
    const atMs = clock.nowUs() / 1000;
    expect(decision).toMatchObject({ allowed: true, granted: 3, limit: 5, remaining: 2, atMs, source: 'store' });
    expect(decision.policies).toEqual([
      { name: 'rate', limit: 5, windowMs: 5000, remaining: 2, resetAtMs: atMs + 3000 },
      { name: 'hour', limit: 8, windowMs: 3_600_000, remaining: 5, resetAtMs: atMs + 3_600_000 },
    ]);
    expect(decision.resetAtMs).toBe(atMs + 3_600_000);
    expect('violated' in JSON.parse(JSON.stringify(decision))).toBe(false);
  });

  it('on denial says which limit refuses and when the call succeeds, to the tick', async () => {
    const { limiter, clock } = setUp();
    await limiter.consume('k', { cost: 5 });
    await clock.advance(0.001);
    const denied = await limiter.consume('k', { cost: 2 });
    expect(denied).toMatchObject({
      allowed: false,
      reason: 'quota',
      violated: 'rate',
      retryAfterMs: 1999.999,
      granted: 0,
    });
    expect(JSON.parse(JSON.stringify(denied))).toMatchObject({ allowed: false, violated: 'rate', policies: [{}, {}] });
    await clock.advance(1999.998);
    expect((await limiter.consume('k', { cost: 2 })).allowed).toBe(false);
    await clock.advance(0.001);
    expect((await limiter.consume('k', { cost: 2 })).allowed).toBe(true);
  });

  it('can be cloned and spread, which shows its outcome and nothing of the limiter', async () => {
    const { limiter } = setUp();
    const decision = await limiter.consume('k', { cost: 9 });
    const { allowed, reason, violated, retryAfterMs, remaining, resetAtMs, atMs, source, granted } =
      decision as DeniedDecision;
    const outcome = { allowed, reason, violated, retryAfterMs, remaining, resetAtMs, atMs, source, granted };
    expect(structuredClone(decision)).toStrictEqual(outcome);
    expect(Object.entries({ ...decision })).toEqual(Object.entries(outcome));
  });

  it('calls a cost above a capacity never', async () => {
    const { limiter } = setUp();
    const never = await limiter.consume('k', { cost: 6 });
    expect(never).toMatchObject({ allowed: false, reason: 'capacity', violated: 'rate', retryAfterMs: Infinity });
  });
});

describe('operations', () => {
  it('peek answers what consume would and takes nothing; cost 0 only asks', async () => {
    const { limiter, store } = setUp();
    expect(await limiter.peek('k', { cost: 5 })).toMatchObject({ allowed: true, granted: 0, remaining: 5 });
    expect(await limiter.consume('k', { cost: 0 })).toMatchObject({ allowed: true, granted: 0, remaining: 5 });
    expect(store.records.size).toBe(0);
  });

  it('consumeUpTo grants what is left', async () => {
    const { limiter } = setUp();
    await limiter.consume('k', { cost: 2 });
    expect(await limiter.consumeUpTo('k', { cost: 10 })).toMatchObject({ allowed: true, granted: 3 });
    expect(await limiter.consumeUpTo('k', { cost: 10 })).toMatchObject({ allowed: false, granted: 0 });
  });

  it('penalize leads into debt, block refuses for its time, reset forgets both', async () => {
    const { limiter, clock } = setUp();
    await limiter.penalize('k', { cost: 8 });
    expect(await limiter.consume('k')).toMatchObject({ violated: 'hour' });
    await limiter.block('k', 4000);
    expect(await limiter.peek('k')).toMatchObject({ reason: 'blocked', remaining: 0 });
    await limiter.reset('k');
    expect(await limiter.peek('k')).toMatchObject({ allowed: true, remaining: 5 });
    await limiter.block('k', 4000);
    await clock.advance(3999.999);
    expect((await limiter.peek('k')).allowed).toBe(false);
    await clock.advance(0.001);
    expect((await limiter.peek('k')).allowed).toBe(true);
  });

  it('keeps limits of a call apart by name, and limiters apart by theirs', async () => {
    const { limiter, store, clock } = setUp();
    const plan = tokenBucket({ name: 'plan', capacity: 100, refillIntervalMs: 1000 });
    await limiter.consume('k', { cost: 5 });
    expect(await limiter.consume('k', { limits: plan, cost: 60 })).toMatchObject({ allowed: true, limit: 100 });
    expect((await limiter.consume('k')).allowed).toBe(false);
    const other = createLimiter({ name: 'other', store, limits, clock });
    expect((await other.consume('k')).allowed).toBe(true);
  });

  it('treats keys that look like syntax or prototypes as plain strings', async () => {
    const { limiter } = setUp();
    for (const key of [
      '__proto__',
      'constructor',
      'a:b',
      'a',
      '\0',
      '{a}',
      '*?[]',
      ' ',
      'é',
      'e\u0301',
      '😀',
      'x'.repeat(4096),
    ]) {
      expect((await limiter.consume(key)).remaining, key).toBe(4);
    }
  });
});

describe('refund', () => {
  it('gives back once, in parts, never more than was charged', async () => {
    const { limiter } = setUp();
    const decision = await limiter.consume('k', { cost: 3 });
    expect(await limiter.refund(decision, { cost: 1 })).toBe(1);
    expect(await Promise.all([limiter.refund(decision, { cost: 9 }), limiter.refund(decision)])).toEqual([2, 0]);
    expect((await limiter.peek('k')).remaining).toBe(5);
    expect(await limiter.refund(decision)).toBe(0);
  });

  it('gives nothing back of denials and peeks, and refuses decisions of others', async () => {
    const { limiter, store } = setUp();
    await limiter.consume('k', { cost: 5 });
    const before = store.calls.length;
    expect(await limiter.refund(await limiter.peek('k'))).toBe(0);
    expect(store.calls).toHaveLength(before + 1);
    const foreign = await setUp().limiter.consume('k');
    await expect(limiter.refund(foreign)).rejects.toThrow(InvalidArgumentError);
    await expect(limiter.refund({ ...foreign } as Decision)).rejects.toThrow(/decision of this limiter/);
  });

  it('reaches no later window', async () => {
    const { limiter, clock } = setUp({ limits: fixedWindow({ limit: 5, windowMs: 1000 }) });
    const decision = await limiter.consume('k', { cost: 3 });
    await clock.advance(1000);
    await limiter.consume('k', { cost: 4 });
    await limiter.refund(decision);
    expect((await limiter.peek('k')).remaining).toBe(1);
  });
});

describe('deny cache', () => {
  it('refuses the same or a larger cost without the store, until the store would admit it', async () => {
    const { limiter, store, clock } = setUp({ denyCache: { maxMs: 60_000 } });
    await limiter.consume('k', { cost: 5 });
    const denied = await limiter.consume('k', { cost: 2 });
    expect(denied.source).toBe('store');
    const asked = store.calls.length;
    await clock.advance(500);
    const cached = await limiter.consume('k', { cost: 2 });
    expect(cached).toMatchObject({ allowed: false, source: 'cache', violated: 'rate', retryAfterMs: 1500, granted: 0 });
    expect(await limiter.consume('k', { cost: 3 })).toMatchObject({ source: 'cache' });
    expect(await limiter.consume('k', { cost: 6 })).toMatchObject({
      source: 'cache',
      reason: 'capacity',
      retryAfterMs: Infinity,
    });
    expect(await limiter.peek('k', { cost: 2 })).toMatchObject({ source: 'cache' });
    expect(store.calls).toHaveLength(asked);
    await clock.advance(500);
    expect(await limiter.consume('k', { cost: 1 })).toMatchObject({ allowed: true, source: 'store' });
  });

  it('never outlives the store’s refusal, counted from the time the question left', async () => {
    const { limiter, store, clock } = setUp({ denyCache: {} });
    await limiter.consume('k', { cost: 5 });
    store.mode = 'hold';
    const slow = limiter.consume('k', { cost: 1 });
    const call = store.calls.at(-1);
    await clock.advance(300);
    call?.answer();
    // Decided after 300 ms: 700 ms to go, so by the time it left the refusal ends at 700 ms, though it really ends at 1,000.
    expect(await slow).toMatchObject({ allowed: false, retryAfterMs: 700 });
    store.mode = 'answer';
    await clock.advance(399);
    expect((await limiter.consume('k')).source).toBe('cache');
    await clock.advance(1);
    expect((await limiter.consume('k')).source).toBe('store');
  });

  it('is bounded in time by maxMs and in keys by maxKeys', async () => {
    const { limiter, clock } = setUp({ denyCache: { maxMs: 100, maxKeys: 2 } });
    for (const key of ['a', 'b', 'c']) {
      await limiter.consume(key, { cost: 5 });
      await limiter.consume(key);
    }
    expect((await limiter.peek('a')).source).toBe('store');
    expect((await limiter.peek('b')).source).toBe('cache');
    await clock.advance(100);
    expect((await limiter.peek('b')).source).toBe('store');
  });

  it.each<[string, (limiter: Limiter, spent: Decision) => Promise<unknown>]>([
    ['refund', (limiter, spent) => limiter.refund(spent)],
    ['reset', (limiter) => limiter.reset('k')],
    ['penalize', (limiter) => limiter.penalize('k', { cost: 1 })],
    ['block', (limiter) => limiter.block('k', 5)],
    ['an allowed consume', (limiter) => limiter.consume('k', { cost: 0 })],
  ])('is cleared at once by %s', async (_name, act) => {
    const { limiter } = setUp({ denyCache: {} });
    const spent = await limiter.consume('k', { cost: 5 });
    await limiter.consume('k');
    expect((await limiter.peek('k')).source).toBe('cache');
    await act(limiter, spent);
    expect((await limiter.peek('k')).source).toBe('store');
  });

  it('knows nothing of other limits on the key', async () => {
    const { limiter } = setUp({ denyCache: {} });
    await limiter.consume('k', { cost: 5 });
    await limiter.consume('k');
    const plan = tokenBucket({ name: 'plan', capacity: 100, refillIntervalMs: 1000 });
    expect((await limiter.consume('k', { limits: plan })).source).toBe('store');
  });
});

describe('wait', () => {
  it('serves waiters first come first served, a large cost before the small one behind it', async () => {
    const { limiter, clock } = setUp();
    await limiter.consume('k', { cost: 5 });
    const order: string[] = [];
    const wait = (name: string, cost: number): Promise<unknown> =>
      limiter.wait('k', { cost }).then(({ allowed }) => order.push(`${name}:${allowed}@${clock.monotonicMs()}`));
    const all = [wait('large', 2), wait('small', 1)];
    await clock.advance(1999);
    expect(order).toEqual([]);
    await clock.advance(1001);
    expect(order).toEqual(['large:true@2000', 'small:true@3000']);
    await Promise.all(all);
    expect(clock.pendingTimers - clock.referencedTimers).toBe(clock.pendingTimers);
  });

  it('asks the store no more often than needed', async () => {
    const { limiter, clock, store } = setUp();
    await limiter.consume('k', { cost: 5 });
    const all = Promise.all([1, 2, 3].map(() => limiter.wait('k')));
    await clock.advance(3000);
    await all;
    // Each of the three is refused once and admitted once; nobody polls.
    expect(store.calls.length).toBe(1 + 6);
  });

  it('asks nothing because somebody further behind gave up', async () => {
    const { limiter, clock, store } = setUp();
    await limiter.consume('k', { cost: 5 });
    const first = limiter.wait('k');
    const signals = [1, 2, 3].map(() => new AbortController());
    const others = Promise.allSettled([
      ...signals.map(({ signal }) => limiter.wait('k', { signal })),
      limiter.wait('k', { maxWaitMs: 500 }),
    ]);
    await clock.advance(0);
    for (const controller of signals) {
      controller.abort();
      await clock.advance(200);
    }
    expect((await others).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
    expect(store.calls.length).toBe(1 + 1);
    await clock.advance(400);
    expect((await first).allowed).toBe(true);
  });

  it('tells nobody that somebody else’s cost never fits', async () => {
    const { limiter, clock, store } = setUp();
    await limiter.consume('k', { cost: 5 });
    store.mode = 'hold';
    const never = limiter.wait('k', { cost: 6 });
    const second = limiter.wait('k');
    const third = limiter.wait('k', { maxWaitMs: 500 });
    await clock.advance(0);
    store.calls.at(-1)?.answer();
    expect(await never).toMatchObject({ reason: 'capacity' });
    await clock.advance(500);
    store.mode = 'answer';
    store.calls.at(-1)?.answer();
    expect(await third).toMatchObject({ reason: 'quota', violated: 'rate' });
    await clock.advance(1000);
    expect((await second).allowed).toBe(true);
  });

  it('resolves with the denial when maxWaitMs cannot suffice, and when it has passed', async () => {
    const { limiter, clock } = setUp();
    await limiter.consume('k', { cost: 5 });
    expect(await limiter.wait('k', { cost: 3, maxWaitMs: 2999 })).toMatchObject({ allowed: false, retryAfterMs: 3000 });
    expect(await limiter.wait('k', { cost: 6 })).toMatchObject({ reason: 'capacity' });
    const first = limiter.wait('k', { cost: 3 });
    const behind = limiter.wait('k', { maxWaitMs: 1500 });
    await clock.advance(1500);
    expect(await behind).toMatchObject({ allowed: false, violated: 'rate' });
    await clock.advance(1500);
    expect((await first).allowed).toBe(true);
  });

  it('lets an aborted waiter go and passes its turn on', async () => {
    const { limiter, clock } = setUp();
    await limiter.consume('k', { cost: 5 });
    const abort = new AbortController();
    const reason = new Error('enough');
    const first = limiter.wait('k', { cost: 3, signal: abort.signal });
    const second = limiter.wait('k');
    const refused = first.catch((error: unknown) => error);
    await clock.advance(1000);
    abort.abort(reason);
    expect(await refused).toBe(reason);
    await clock.advance(0);
    expect((await second).allowed).toBe(true);
    await expect(limiter.wait('k', { signal: abort.signal })).rejects.toBe(reason);
    expect(clock.referencedTimers).toBe(0);
  });

  it('lets at most maxQueue wait, whatever their keys', async () => {
    const { limiter, clock } = setUp({ maxQueue: 2 });
    for (const key of ['a', 'b', 'c']) await limiter.consume(key, { cost: 5 });
    const waiting = Promise.all([limiter.wait('a'), limiter.wait('b')]);
    await expect(limiter.wait('c')).rejects.toThrow(QueueFullError);
    await clock.advance(1000);
    expect((await waiting).map(({ allowed }) => allowed)).toEqual([true, true]);
    expect((await limiter.wait('c')).allowed).toBe(true);
  });

  it('is stirred by what this process gives back, and ended by close', async () => {
    const { limiter, clock } = setUp();
    const spent = await limiter.consume('k', { cost: 5 });
    const waiting = limiter.wait('k', { cost: 2 });
    await clock.advance(0);
    await limiter.refund(spent);
    expect((await waiting).allowed).toBe(true);
    await limiter.consume('k', { cost: 3 });
    const ended = Promise.allSettled([limiter.wait('k'), limiter.wait('k')]);
    await clock.advance(0);
    await limiter.close();
    for (const outcome of await ended) expect(outcome).toMatchObject({ reason: expect.any(ClosedError) });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('hooks', () => {
  function listening(options: Partial<LimiterOptions> = {}): ReturnType<typeof setUp> & { seen: string[] } {
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
    return { ...setUp({ hooks, ...options }), seen };
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
    const loud = setUp({
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
