import assert from 'node:assert/strict';
import { fixedWindow } from '@headgate/core';
import { everyAlgorithm, slowLimits } from './limits-to-try.js';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

/** Giving back what was charged. */
export const refundProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'refund/gives-back',
    title: 'a refund makes exactly the refunded units available again',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        const key = context.key();
        const { atUs } = await context.ask(key, limit, { kind: 'consume', cost: 5 });
        const { allowed, granted, remaining } = await context.ask(key, limit, { kind: 'refund', cost: 2, atUs });
        assert.deepEqual({ allowed, granted, remaining }, { allowed: true, granted: 2, remaining: 2 }, limit.kind);
        assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 3 })).allowed, false, limit.kind);
        assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 2 })).allowed, true, limit.kind);
      }
    },
  },
  {
    id: 'refund/never-overfills',
    title: 'a refund of more than was charged never leaves more than a fresh key has',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        for (const cost of [4, 100, Number.MAX_SAFE_INTEGER]) {
          const key = context.key();
          const { atUs } = await context.ask(key, limit, { kind: 'consume', cost: 3 });
          const { granted, remaining } = await context.ask(key, limit, { kind: 'refund', cost, atUs });
          assert.deepEqual({ granted, remaining }, { granted: 3, remaining: 5 }, `${limit.kind}, refund of ${cost}`);
          assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 5 })).allowed, true, limit.kind);
          assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 1 })).allowed, false, limit.kind);
        }
      }
    },
  },
  {
    id: 'refund/of-nothing',
    title: 'a refund on a key that was never charged gives nothing and leaves it fresh',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        const key = context.key();
        const { nowUs } = await context.ask(key, limit, { kind: 'peek', cost: 1 });
        const answer = await context.ask(key, limit, { kind: 'refund', cost: 3, atUs: nowUs });
        assert.deepEqual([answer.granted, answer.remaining], [0, 5], limit.kind);
        assert.equal(answer.resetAtUs, answer.atUs, `${limit.kind}: the key is no longer fresh`);
      }
    },
  },
  {
    id: 'refund/keeps-the-window',
    title: 'a refund does not move the end of the window',
    async run(context) {
      const limit = fixedWindow({ limit: 5, windowMs: 86_400_000 });
      const key = context.key();
      const charged = await context.ask(key, limit, { kind: 'consume', cost: 5 });
      await context.pass(5_000);
      const refunded = await context.ask(key, limit, { kind: 'refund', cost: 1, atUs: charged.atUs });
      assert.equal(refunded.resetAtUs, charged.resetAtUs);
      await context.ask(key, limit, { kind: 'consume', cost: 1 });
      const denied = await context.ask(key, limit, { kind: 'consume', cost: 1 });
      assert.equal(denied.retryAtUs, charged.resetAtUs);
    },
  },
  {
    id: 'refund/not-into-a-later-window',
    title: 'a refund of a charge whose window has passed gives nothing back in a later one',
    async run(context) {
      for (const limit of everyAlgorithm(context, { limit: 5, windowMs: 40 })) {
        if (limit.kind === 'tokenBucket') continue;
        const key = context.key();
        const { atUs } = await context.ask(key, limit, { kind: 'consume', cost: 5 });
        // Two windows, and some milliseconds for clocks that count only those.
        await context.pass(2 * 40_000 + 5000);
        const later = await context.ask(key, limit, { kind: 'consume', cost: 3 });
        const { granted } = await context.ask(key, limit, { kind: 'refund', cost: 3, atUs });
        assert.ok(later.atUs >= atUs + 80_000, `the store's clock moved ${later.atUs - atUs} us while 85 ms passed`);
        assert.equal(granted, 0, limit.kind);
      }
    },
  },
];
