import assert from 'node:assert/strict';
import { everyAlgorithm, slowLimits } from './limits-to-try.js';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

const huge = [2 ** 31, 2 ** 50, Number.MAX_SAFE_INTEGER];

/** What costs and denials do, and do not do. */
export const costProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'cost/burst',
    title: 'a fresh key admits exactly its limit at once',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        const key = context.key();
        const allowed: boolean[] = [];
        for (let i = 0; i < 7; i++) allowed.push((await context.ask(key, limit, { kind: 'consume', cost: 1 })).allowed);
        assert.deepEqual(allowed, [true, true, true, true, true, false, false], limit.kind);
      }
    },
  },
  {
    id: 'cost/remaining-can-be-taken',
    title: '`remaining` is what can be taken at once: all of it, and not one unit more',
    async run(context) {
      for (const limit of slowLimits(context, 9)) {
        const key = context.key();
        const { remaining } = await context.ask(key, limit, { kind: 'consume', cost: 4 });
        assert.equal(remaining, 5, limit.kind);
        assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 6 })).allowed, false, limit.kind);
        assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 5 })).allowed, true, limit.kind);
        assert.equal((await context.ask(key, limit, { kind: 'peek', cost: 1 })).allowed, false, limit.kind);
      }
    },
  },
  {
    id: 'cost/denial-charges-nothing',
    title: 'a hundred denials leave a key exactly as it was',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        const key = context.key();
        await context.ask(key, limit, { kind: 'consume', cost: 3 });
        const before = await context.ask(key, limit, { kind: 'consume', cost: 4 });
        assert.equal(before.allowed, false, limit.kind);
        const ops = Array.from({ length: Math.min(20, context.store.capabilities.maxStepOps) }, () => ({
          kind: 'consume' as const,
          cost: 4,
        }));
        for (let denials = 0; denials < 100; denials += ops.length) await context.decide(key, [limit], ops);
        const after = await context.ask(key, limit, { kind: 'consume', cost: 4 });
        assert.equal(after.granted, 0, limit.kind);
        assert.equal(after.retryAtUs, before.retryAtUs, `${limit.kind}: a denial moved the time of admission`);
        assert.equal(after.resetAtUs, before.resetAtUs, `${limit.kind}: a denial moved the time of reset`);
        assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 2 })).allowed, true, limit.kind);
      }
    },
  },
  {
    id: 'cost/zero-only-asks',
    title: 'a cost of 0 is admitted and takes nothing',
    async run(context) {
      for (const limit of slowLimits(context, 2)) {
        const key = context.key();
        for (const kind of ['consume', 'consumeUpTo', 'peek'] as const) {
          const { allowed, granted, remaining } = await context.ask(key, limit, { kind, cost: 0 });
          assert.deepEqual({ allowed, granted, remaining }, { allowed: true, granted: 0, remaining: 2 }, limit.kind);
        }
      }
    },
  },
  {
    id: 'cost/above-capacity-never-fits',
    title: 'a cost above a limit is refused for good, as `capacity`, and changes nothing',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        const key = context.key();
        await context.ask(key, limit, { kind: 'consume', cost: 1 });
        for (const cost of [6, ...huge]) {
          const answer = await context.ask(key, limit, { kind: 'consume', cost });
          const { allowed, granted, reason, violated, retryAtUs, remaining } = answer;
          assert.deepEqual(
            { allowed, granted, reason, violated, retryAtUs, remaining },
            { allowed: false, granted: 0, reason: 'capacity', violated: 0, retryAtUs: Infinity, remaining: 4 },
            `${limit.kind}, cost ${cost}`,
          );
        }
        assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 4 })).allowed, true, limit.kind);
      }
    },
  },
  {
    id: 'cost/up-to-grants-what-is-left',
    title: '`consumeUpTo` grants what is left, and is denied only when that is nothing',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        const key = context.key();
        const granted: number[] = [];
        for (const cost of [3, 3, 3, Number.MAX_SAFE_INTEGER])
          granted.push((await context.ask(key, limit, { kind: 'consumeUpTo', cost })).granted);
        assert.deepEqual(granted, [3, 2, 0, 0], limit.kind);
        const denied = await context.ask(key, limit, { kind: 'consumeUpTo', cost: 3 });
        assert.equal(denied.reason, 'quota', limit.kind);
      }
    },
  },
  {
    id: 'cost/peek-foretells',
    title: 'a peek says what a consume then does, and takes nothing',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        const key = context.key();
        for (const cost of [2, 2, 2, 1, 1]) {
          const foretold = await context.ask(key, limit, { kind: 'peek', cost });
          const done = await context.ask(key, limit, { kind: 'consume', cost });
          assert.equal(foretold.granted, 0, limit.kind);
          assert.deepEqual(
            [done.allowed, done.reason, done.retryAtUs, done.allowed ? done.remaining + cost : done.remaining],
            [foretold.allowed, foretold.reason, foretold.retryAtUs, foretold.remaining],
            `${limit.kind}, cost ${cost}`,
          );
        }
      }
    },
  },
  {
    id: 'cost/never-negative',
    title: 'no answer holds a negative, fractional or unsafe number, however deep the debt',
    async run(context) {
      for (const limit of everyAlgorithm(context, { limit: 3, windowMs: 700 })) {
        const key = context.key();
        for (const cost of [2, 5, ...huge, 1]) {
          for (const kind of ['penalize', 'consume', 'consumeUpTo'] as const) {
            const answer = await context.ask(key, limit, { kind, cost });
            const { granted, remaining, resetAtUs, retryAtUs, nowUs, atUs } = answer;
            for (const [name, value] of Object.entries({ granted, remaining, resetAtUs, retryAtUs, nowUs, atUs })) {
              const fits = Number.isSafeInteger(value) || (name === 'retryAtUs' && answer.reason === 'capacity');
              assert.ok(fits && value >= 0, `${limit.kind}, ${kind} ${cost}: ${name} is ${value}`);
            }
          }
        }
      }
    },
  },
];
