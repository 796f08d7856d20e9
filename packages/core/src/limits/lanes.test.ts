import { describe, expect, it } from 'vitest';
import { ScriptedStore } from '../../test/scripted-store.js';
import { ClosedError, QueueFullError, StoreError, StoreTimeoutError } from '../errors.js';
import { createManualClock } from '../manual-clock.js';
import { fixedWindow, tokenBucket } from './limit.js';
import { createLimiter } from './limiter.js';
import type { ManualClock } from '../manual-clock.js';
import type { Limiter, LimiterOptions } from './api.js';
import type { HeldCall } from '../../test/scripted-store.js';

const five = tokenBucket({ capacity: 5, refillIntervalMs: 5000 });

function setUp({ capabilities, ...options }: Partial<LimiterOptions> & { capabilities?: object } = {}): {
  clock: ManualClock;
  store: ScriptedStore;
  limiter: Limiter;
} {
  const clock = createManualClock();
  const store = new ScriptedStore(clock, capabilities ? { capabilities } : {});
  const limiter = createLimiter({ name: 'api', store, limits: five, clock, ...options });
  return { clock, store, limiter };
}

const held = (store: ScriptedStore, i: number): HeldCall => store.calls[i] as HeldCall;

describe('group commit', () => {
  it('sends a lone call in the same tick', () => {
    const { store, limiter } = setUp();
    void limiter.consume('a');
    expect(store.trips).toEqual([['api:a×1']]);
  });

  it('gathers while two round trips are under way; what gathered leaves together when one returns', async () => {
    const { store, limiter, clock } = setUp();
    store.mode = 'hold';
    const keys = ['a', 'b', 'c', 'd', 'c', 'e'];
    const decisions = Promise.all(keys.map((key) => limiter.consume(key)));
    expect(store.trips).toEqual([['api:a×1'], ['api:b×1']]);
    held(store, 1).answer();
    await clock.advance(0);
    expect(store.trips[2]).toEqual(['api:c×2', 'api:d×1', 'api:e×1']);
    held(store, 0).answer();
    held(store, 2).answer();
    expect((await decisions).map(({ remaining }) => remaining)).toEqual([4, 4, 4, 4, 3, 4]);
    expect(store.calls).toHaveLength(3);
  });

  it('callers who are answered together and ask again at once share the next round trip', async () => {
    const { store, limiter, clock } = setUp();
    store.mode = 'hold';
    const caller = async (key: string): Promise<void> => {
      for (let i = 0; i < 3; i++) await limiter.consume(key);
    };
    const callers = Promise.all(['a', 'b', 'c', 'd'].map(caller));
    for (let i = 0; i < store.calls.length; i++) {
      held(store, i).answer();
      await clock.advance(0);
    }
    await callers;
    expect(store.trips.slice(0, 4)).toEqual([['api:a×1'], ['api:b×1'], ['api:c×1', 'api:d×1'], ['api:a×1']]);
    expect(store.trips[4]).toEqual(['api:b×1', 'api:c×1', 'api:d×1']);
  });

  it('callers of one key share each round trip, all of them', async () => {
    const { store, limiter, clock } = setUp();
    store.mode = 'hold';
    const callers = Array.from({ length: 50 }, async () => {
      for (let round = 0; round < 4; round++) await limiter.consume('hot');
    });
    for (let i = 0; i < store.calls.length; i++) {
      held(store, i).answer();
      await clock.advance(0);
    }
    await Promise.all(callers);
    expect(store.trips.flat()).toEqual(['api:hot×1', 'api:hot×49', 'api:hot×50', 'api:hot×50', 'api:hot×50']);
  });

  it('splits many callers evenly over the round trips under way, so that store and process work side by side', async () => {
    const { store, limiter, clock } = setUp();
    store.mode = 'hold';
    const callers = Array.from({ length: 200 }, async (_, i) => {
      for (let round = 0; round < 4; round++) await limiter.consume(`key ${i}`);
    });
    for (let i = 0; i < store.calls.length; i++) {
      held(store, i).answer();
      await clock.advance(0);
    }
    await Promise.all(callers);
    const sizes = store.trips.map((trip) => trip.length);
    expect(sizes.slice(0, 2)).toEqual([1, 1]);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
    expect(sizes.length).toBeLessThanOrEqual(12);
  });

  it('never has a key in two batches at once, and keeps its calls in order', async () => {
    const { store, limiter, clock } = setUp({ maxInFlight: 4 });
    store.mode = 'hold';
    const costs = [3, 4, 2];
    const first = limiter.consume('a');
    const rest = Promise.all(costs.map((cost) => limiter.consume('a', { cost })));
    const other = limiter.consume('b');
    expect(store.trips).toEqual([['api:a×1'], ['api:b×1']]);
    held(store, 1).answer();
    await other;
    expect(store.calls).toHaveLength(2);
    held(store, 0).answer();
    await first;
    expect(held(store, 2).steps[0]?.ops).toEqual(costs.map((cost) => ({ kind: 'consume', cost })));
    held(store, 2).answer();
    expect((await rest).map(({ allowed }) => allowed)).toEqual([true, false, false]);
    await clock.advance(0);
  });

  it('answers each caller of one step on its own: 5 left and costs 3, 4, 2 are yes, no, yes', async () => {
    const { store, limiter } = setUp({ maxInFlight: 1 });
    store.mode = 'hold';
    const blocker = limiter.consume('other');
    const decisions = Promise.all([3, 4, 2].map((cost) => limiter.consume('a', { cost })));
    store.mode = 'answer';
    held(store, 0).answer();
    await blocker;
    expect((await decisions).map(({ allowed }) => allowed)).toEqual([true, false, true]);
    expect(store.trips[1]).toEqual(['api:a×3']);
  });

  it('keeps other limits on the same key for a later batch', async () => {
    const { store, limiter, clock } = setUp({ maxInFlight: 1 });
    const plan = fixedWindow({ limit: 9, windowMs: 1000 });
    store.mode = 'hold';
    const all = [
      limiter.consume('x'),
      limiter.consume('a'),
      limiter.consume('a', { limits: plan }),
      limiter.consume('a', { limits: [plan] }),
      limiter.consume('a'),
    ];
    for (let i = 0; i < 4; i++) {
      held(store, i).answer();
      await clock.advance(0);
    }
    await Promise.all(all);
    expect(store.trips).toEqual([['api:x×1'], ['api:a×1'], ['api:a×2'], ['api:a×1']]);
  });

  it('respects the store’s batch and step sizes, and lets no hot key crowd out the others', async () => {
    const { store, limiter, clock } = setUp({ maxInFlight: 1, capabilities: { maxBatchSteps: 2, maxStepOps: 2 } });
    store.mode = 'hold';
    const all = ['x', 'hot', 'hot', 'hot', 'hot', 'hot', 'b', 'c'].map((key) => limiter.consume(key));
    for (let i = 0; i < 4; i++) {
      held(store, i).answer();
      await clock.advance(0);
    }
    await Promise.all(all);
    expect(store.trips).toEqual([['api:x×1'], ['api:hot×2', 'api:b×1'], ['api:c×1', 'api:hot×2'], ['api:hot×1']]);
  });

  it('gathers per lane', async () => {
    const { store, limiter } = setUp({ maxInFlight: 1 });
    store.lane = (key) => key.slice(-1);
    store.mode = 'hold';
    for (const key of ['k1', 'k2', 'j1', 'j2']) limiter.consume(key).catch(() => undefined);
    expect(store.trips).toEqual([['api:k1×1'], ['api:k2×1']]);
  });

  it('refuses a call beyond maxQueue and sends nothing for it', async () => {
    const { store, limiter, clock } = setUp({ maxInFlight: 1, maxQueue: 2 });
    store.mode = 'hold';
    const taken = [limiter.consume('a'), limiter.consume('b'), limiter.consume('c')];
    await expect(limiter.consume('d')).rejects.toThrow(QueueFullError);
    store.mode = 'answer';
    held(store, 0).answer();
    await Promise.all(taken);
    await clock.advance(0);
    expect(store.trips.flat()).not.toContain('api:d×1');
    expect((await limiter.consume('d')).allowed).toBe(true);
  });
});

describe('time', () => {
  it('ends every call within timeoutMs of its own beginning, queueing included, and frees the place', async () => {
    const { store, limiter, clock } = setUp({ maxInFlight: 1, timeoutMs: 100, breaker: { failures: 99 } });
    store.mode = 'hold';
    const ended: string[] = [];
    const call = (key: string): Promise<unknown> =>
      limiter.consume(key).catch((error: unknown) => {
        ended.push(`${error instanceof StoreTimeoutError ? key : String(error)}@${clock.monotonicMs()}`);
      });
    const all = [call('a')];
    await clock.advance(40);
    all.push(call('b'));
    await clock.advance(40);
    all.push(call('c'));
    await clock.advance(20);
    expect(ended).toEqual(['a@100']);
    // The hung batch gave up its place: b and c went out.
    expect(store.trips).toEqual([['api:a×1'], ['api:b×1', 'api:c×1']]);
    await clock.advance(80);
    expect(ended).toEqual(['a@100', 'b@140', 'c@180']);
    await clock.advance(20);
    expect(store.calls).toHaveLength(2);
    await Promise.all(all);
  });

  it('aborts the signal of a batch that timed out, and a late answer changes nothing', async () => {
    const { store, limiter, clock } = setUp({ timeoutMs: 100 });
    store.mode = 'hold';
    const late = limiter.consume('a').catch((error: unknown) => error);
    const { signal } = held(store, 0);
    await clock.advance(100);
    expect(await late).toBeInstanceOf(StoreTimeoutError);
    expect(signal?.aborted).toBe(true);
    held(store, 0).answer();
    await clock.advance(0);
    expect(store.calls).toHaveLength(1);
  });

  it('takes an aborted caller out of the queue, and keeps one that was sent from waiting', async () => {
    const { store, limiter, clock } = setUp({ maxInFlight: 1 });
    store.mode = 'hold';
    const reason = new Error('left');
    const [sent, queued] = [new AbortController(), new AbortController()];
    const calls = [limiter.consume('a', { signal: sent.signal }), limiter.consume('b', { signal: queued.signal })];
    const last = limiter.consume('c');
    const outcomes = Promise.allSettled(calls);
    queued.abort(reason);
    sent.abort(reason);
    expect((await outcomes).map((outcome) => outcome.status === 'rejected' && outcome.reason)).toEqual([
      reason,
      reason,
    ]);
    store.mode = 'answer';
    held(store, 0).answer();
    await last;
    expect(store.trips).toEqual([['api:a×1'], ['api:c×1']]);
    await expect(limiter.consume('d', { signal: sent.signal })).rejects.toBe(reason);
    await clock.advance(0);
    expect(store.calls).toHaveLength(2);
  });

  it('does not call a reply late that arrived while the event loop stood still', async () => {
    const { store, limiter, clock } = setUp({ timeoutMs: 100 });
    store.mode = 'hold';
    const decision = limiter.consume('a');
    // The timer fires 300 ms late; the reply is read right after it.
    const realNow = clock.monotonicMs;
    Object.assign(clock, { monotonicMs: () => realNow() + 300 });
    const moved = clock.advance(100);
    await moved;
    held(store, 0).answer();
    expect((await decision).allowed).toBe(true);
  });
});

describe('faults', () => {
  it('gives one step’s error to its callers alone', async () => {
    const { store, limiter } = setUp({ maxInFlight: 1 });
    store.mode = 'hold';
    const first = limiter.consume('x');
    const [a, b] = [limiter.consume('a').catch((error: unknown) => error), limiter.consume('b')];
    held(store, 0).answer();
    await first;
    const error = new StoreError('broken row', { store: 'scripted', kind: 'other' });
    const good = { allowed: true, granted: 1, violated: -1, retryAtUs: 0, remaining: 4, resetAtUs: 2 };
    held(store, 1).reply([{ error }, { nowUs: 1, atUs: 1, answers: [good] }]);
    expect(await a).toBe(error);
    expect((await b).remaining).toBe(4);
  });

  it('wraps what a store throws, and refuses a reply of the wrong shape', async () => {
    const { store, limiter } = setUp();
    store.mode = 'hold';
    const raw = new Error('ECONNRESET');
    const thrown = limiter.consume('a').catch((error: unknown) => error);
    held(store, 0).fail(raw);
    expect(await thrown).toMatchObject({ code: 'HEADGATE_STORE', cause: raw });
    const short = limiter.consume('a').catch((error: unknown) => error);
    held(store, 1).reply([]);
    expect(await short).toMatchObject({ code: 'HEADGATE_STORE' });
    const closed = limiter.consume('a').catch((error: unknown) => error);
    held(store, 2).fail(new ClosedError('store is closed'));
    expect(await closed).toBeInstanceOf(ClosedError);
  });

  it('drains what was gathered on close, then refuses', async () => {
    const { store, limiter, clock } = setUp({ maxInFlight: 1 });
    store.mode = 'hold';
    const all = Promise.all([limiter.consume('a'), limiter.consume('b')]);
    let closed = false;
    const closing = limiter.close().then(() => {
      closed = true;
    });
    await expect(limiter.consume('c')).rejects.toThrow(ClosedError);
    held(store, 0).answer();
    await clock.advance(0);
    expect(closed).toBe(false);
    held(store, 1).answer();
    await all;
    await closing;
    expect(clock.pendingTimers).toBe(0);
  });
});
