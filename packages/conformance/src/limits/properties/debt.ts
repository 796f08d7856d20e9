import assert from 'node:assert/strict';
import { tokenBucket } from '@headgate/core';
import { slowLimits } from './limits-to-try.js';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

/** Penalties, blocks and their end. */
export const debtProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'penalize/takes-what-is-not-there',
    title: 'a penalty leads into debt that must be worked off before anything is admitted',
    async run(context) {
      const limit = tokenBucket({ capacity: 4, refillTokens: 1, refillIntervalMs: 3_600_000 });
      const key = context.key();
      const { granted, allowed, atUs } = await context.ask(key, limit, { kind: 'penalize', cost: 6 });
      assert.deepEqual({ granted, allowed }, { granted: 6, allowed: true });
      const denied = await context.ask(key, limit, { kind: 'consume', cost: 1 });
      assert.equal(denied.remaining, 0);
      assert.equal(
        denied.retryAtUs,
        atUs + 3 * 3_600_000_000,
        'two units of debt and one of cost are three hours away',
      );
    },
  },
  {
    id: 'penalize/debt-is-capped',
    title: 'however large the penalties, the debt is at most one whole limit',
    async run(context) {
      for (const limit of slowLimits(context, 4)) {
        const once = context.key();
        const often = context.key();
        const { atUs } = await context.ask(once, limit, { kind: 'penalize', cost: 8 });
        for (const cost of [5, 5, Number.MAX_SAFE_INTEGER]) await context.ask(often, limit, { kind: 'penalize', cost });
        // Both owe one limit now: giving back one limit leaves nothing, and one more leaves one.
        for (const key of [once, often]) {
          const peeked = await context.ask(key, limit, { kind: 'peek', cost: 1 });
          assert.equal(peeked.allowed, false, limit.kind);
          if (limit.kind === 'slidingLog' && key === often) continue;
          const back = await context.ask(key, limit, {
            kind: 'refund',
            cost: 5,
            atUs: key === once ? atUs : peeked.atUs,
          });
          assert.equal(back.remaining, 1, `${limit.kind}: the debt is not one whole limit`);
        }
      }
    },
  },
  {
    id: 'block/refuses-everything',
    title: 'a block refuses every cost until it ends, on a fresh key too, and says so',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        const key = context.key();
        const { atUs } = await context.ask(key, limit, { kind: 'block', forUs: 3_600_000_000 });
        for (const kind of ['consume', 'consumeUpTo', 'peek'] as const) {
          const { allowed, reason, violated, retryAtUs, remaining } = await context.ask(key, limit, { kind, cost: 1 });
          assert.deepEqual(
            { allowed, reason, violated, retryAtUs, remaining },
            { allowed: false, reason: 'blocked', violated: -1, retryAtUs: atUs + 3_600_000_000, remaining: 0 },
            `${limit.kind}, ${kind}`,
          );
        }
      }
    },
  },
  {
    id: 'block/never-shortened',
    title: 'a shorter block never shortens a longer one',
    async run(context) {
      const [limit] = slowLimits(context, 5);
      const key = context.key();
      const long = await context.ask(key, limit!, { kind: 'block', forUs: 3_600_000_000 });
      await context.ask(key, limit!, { kind: 'block', forUs: 1_000_000 });
      await context.ask(key, limit!, { kind: 'block', forUs: 0 });
      const { retryAtUs } = await context.ask(key, limit!, { kind: 'peek', cost: 1 });
      assert.equal(retryAtUs, long.atUs + 3_600_000_000);
    },
  },
  {
    id: 'block/ends-by-itself',
    title: 'a block ends at its instant, with nothing spent meanwhile',
    async run(context) {
      const [limit] = slowLimits(context, 5);
      const key = context.key();
      const { atUs } = await context.ask(key, limit!, { kind: 'block', forUs: 30_000 });
      const meanwhile = await context.ask(key, limit!, { kind: 'consume', cost: 1 });
      // Where a call takes long the block may be over by then, and the charge is right.
      if (meanwhile.nowUs < atUs + 30_000) assert.equal(meanwhile.allowed, false, 'a call during the block');
      await context.pass(35_000);
      const after = await context.ask(key, limit!, { kind: 'consume', cost: 5 - meanwhile.granted });
      assert.ok(after.atUs >= atUs + 30_000, `the store's clock moved ${after.atUs - atUs} us while 35 ms passed`);
      assert.equal(after.allowed, true);
    },
  },
  {
    id: 'reset/forgets-everything',
    title: 'a reset forgets what was spent, debts, blocks and limits of other policies',
    async run(context) {
      for (const limit of slowLimits(context, 5)) {
        const other = { ...limit, name: 'other' };
        const key = context.key();
        await context.decide(key, [limit, other], [{ kind: 'consume', cost: 4 }]);
        await context.ask(key, limit, { kind: 'penalize', cost: 4 });
        await context.ask(key, limit, { kind: 'block', forUs: 3_600_000_000 });
        const reset = await context.ask(key, limit, { kind: 'reset' });
        assert.deepEqual([reset.remaining, reset.resetAtUs], [5, reset.atUs], limit.kind);
        const after = await context.ask(key, [limit, other], { kind: 'consume', cost: 5 });
        assert.equal(after.allowed, true, limit.kind);
      }
    },
  },
];
