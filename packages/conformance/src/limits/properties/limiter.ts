import assert from 'node:assert/strict';
import { createLimiter, fixedWindow } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { whileTimeRuns } from '../storm.js';
import type { Limiter, LimiterStore } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

const day = 86_400_000;

function limiterOn(store: LimiterStore, name: string, limit: number): Limiter {
  return createLimiter({ name, store, limits: fixedWindow({ limit, windowMs: day }), timeoutMs: 15_000 });
}

/** The store under core's limiter, as applications meet it. */
export const limiterLevelProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'limiter/storm',
    title: '500 calls at once through two limiters on one key are admitted exactly as often as the limit says',
    timeoutMs: 60_000,
    async run(context) {
      const name = randomKey('storm');
      const stores = context.fixture.openPeer ? [context.store, await context.peer()] : [context.store];
      const limiters = stores.map((store) => limiterOn(store, name, 120));
      const key = context.key();
      const calls = Array.from({ length: 500 }, (_, i) => (limiters[i % limiters.length] as Limiter).consume(key));
      const decisions = await whileTimeRuns(context, Promise.all(calls));
      assert.equal(decisions.filter(({ allowed }) => allowed).length, 120, 'admitted of 500 calls at once');
      await Promise.all(limiters.map((limiter) => limiter.close()));
    },
  },
  {
    id: 'limiter/refund-once',
    title: 'a decision is refunded once, however often it is given back',
    async run(context) {
      const limiter = limiterOn(context.store, randomKey('refund'), 10);
      const key = context.key();
      await limiter.consume(key, { cost: 4 });
      const decision = await limiter.consume(key, { cost: 3 });
      for (let i = 0; i < 3; i++) await limiter.refund(decision);
      assert.equal((await limiter.peek(key)).remaining, 6);
      await limiter.close();
    },
  },
  {
    id: 'limiter/names-apart',
    title: 'limiters of different names share no key, and limiters of one name share every key',
    async run(context) {
      const base = randomKey('n');
      const key = context.key();
      const [one, same, other, longer] = [base, base, `${base}.b`, `${base}-`].map((name) =>
        limiterOn(context.store, name, 1),
      );
      assert.equal((await one?.consume(`b:${key}`))?.allowed, true);
      assert.equal((await same?.consume(`b:${key}`))?.allowed, false);
      for (const apart of [other, longer])
        for (const close of [key, `b:${key}`, `:${key}`])
          assert.equal((await apart?.consume(close))?.allowed, true, close);
    },
  },
  {
    id: 'limiter/bad-input-reaches-no-store',
    title: 'bad keys and costs are refused before the store is asked',
    async run(context) {
      let asked = 0;
      const counting: LimiterStore = {
        name: context.store.name,
        clock: context.store.clock,
        capabilities: context.store.capabilities,
        decide: (...call) => {
          asked += 1;
          return context.store.decide(...call);
        },
        close: async () => {},
      };
      const limiter = limiterOn(counting, randomKey('bad'), 5);
      for (const key of ['', '\uD800', `x${'\uDFFF'}`, 'x'.repeat(4097), '\u4E16'.repeat(1366), 7 as unknown as string])
        await assert.rejects(async () => limiter.consume(key), { code: 'HEADGATE_INVALID_ARGUMENT' });
      for (const cost of [-1, 0.5, Number.NaN, Infinity, 2 ** 53, '1' as unknown as number])
        await assert.rejects(async () => limiter.consume('k', { cost }), { code: 'HEADGATE_INVALID_ARGUMENT' });
      assert.equal(asked, 0);
      await limiter.close();
    },
  },
];
