import { describe, expect, it } from 'vitest';
import { limiterBench } from '../../test/limiter-bench.js';
import { ClosedError, QueueFullError } from '../errors.js';

describe('wait', () => {
  it('serves waiters first come first served, a large cost before the small one behind it', async () => {
    const { limiter, clock } = limiterBench();
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
    const { limiter, clock, store } = limiterBench();
    await limiter.consume('k', { cost: 5 });
    const all = Promise.all([1, 2, 3].map(() => limiter.wait('k')));
    await clock.advance(3000);
    await all;
    // Each of the three is refused once and admitted once; nobody polls.
    expect(store.calls.length).toBe(1 + 6);
  });

  it('asks nothing because somebody further behind gave up', async () => {
    const { limiter, clock, store } = limiterBench();
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
    const { limiter, clock, store } = limiterBench();
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
    const { limiter, clock } = limiterBench();
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
    const { limiter, clock } = limiterBench();
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
    const { limiter, clock } = limiterBench({ maxQueue: 2 });
    for (const key of ['a', 'b', 'c']) await limiter.consume(key, { cost: 5 });
    const waiting = Promise.all([limiter.wait('a'), limiter.wait('b')]);
    await expect(limiter.wait('c')).rejects.toThrow(QueueFullError);
    await clock.advance(1000);
    expect((await waiting).map(({ allowed }) => allowed)).toEqual([true, true]);
    expect((await limiter.wait('c')).allowed).toBe(true);
  });

  it('is stirred by what this process gives back, and ended by close', async () => {
    const { limiter, clock } = limiterBench();
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
