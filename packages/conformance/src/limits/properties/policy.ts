import assert from 'node:assert/strict';
import { fixedWindow, tokenBucket } from '@headgate/core';
import { everyAlgorithm } from './limits-to-try.js';
import type { Limit } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

const day = 86_400_000;
const few = fixedWindow({ name: 'few', limit: 2, windowMs: day });
const many = fixedWindow({ name: 'many', limit: 10, windowMs: day });

async function left(context: LimiterContext, key: string, limits: readonly Limit[]): Promise<readonly number[]> {
  const { readings, remaining } = await context.ask(key, limits, { kind: 'peek', cost: 0 });
  return readings ? readings.map((reading) => reading.remaining) : [remaining];
}

/** Policies of several limits, and limits that come, go and change. */
export const policyProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'policy/charges-every-limit',
    title: 'an admitted call is charged to every limit of the policy',
    async run(context) {
      const key = context.key();
      const policy = [many, few, { ...many, name: 'third' }];
      await context.ask(key, policy, { kind: 'consume', cost: 2 });
      assert.deepEqual(await left(context, key, policy), [8, 0, 8]);
    },
  },
  {
    id: 'policy/all-or-nothing',
    title: 'a call that one limit refuses is charged to none of them',
    async run(context) {
      for (const policy of [
        [many, few],
        [few, many],
      ]) {
        const key = context.key();
        await context.ask(key, policy, { kind: 'consume', cost: 1 });
        for (let i = 0; i < 5; i++)
          assert.equal((await context.ask(key, policy, { kind: 'consume', cost: 2 })).allowed, false);
        assert.deepEqual(await left(context, key, policy), policy[0] === many ? [9, 1] : [1, 9]);
      }
    },
  },
  {
    id: 'policy/names-the-refuser',
    title: 'a denial names the limit that refuses longest and waits for that one',
    async run(context) {
      const hour = fixedWindow({ name: 'hour', limit: 3, windowMs: 3_600_000 });
      const week = fixedWindow({ name: 'week', limit: 3, windowMs: 7 * day });
      for (const policy of [
        [hour, week, many],
        [many, week, hour],
        [week, hour],
      ]) {
        const key = context.key();
        const { atUs } = await context.ask(key, policy, { kind: 'consume', cost: 3 });
        const denied = await context.ask(key, policy, { kind: 'consume', cost: 1 });
        assert.equal(policy[denied.violated]?.name, 'week');
        assert.equal(denied.retryAtUs, atUs + 7 * day * 1000);
        assert.equal(denied.remaining, 0);
      }
    },
  },
  {
    id: 'policy/keeps-other-limits',
    title: 'a limit that a call does not ask for keeps what was spent of it',
    async run(context) {
      const key = context.key();
      await context.ask(key, [many, few], { kind: 'consume', cost: 2 });
      await context.ask(key, [many], { kind: 'consume', cost: 1 });
      await context.ask(key, [{ ...many, name: 'third' }], { kind: 'consume', cost: 1 });
      assert.deepEqual(
        await left(context, key, [few, many]),
        [0, 7],
        'spent units were lost by calls without the limit',
      );
      const { resetAtUs, atUs } = await context.ask(key, [{ ...many, name: 'fourth' }], { kind: 'peek', cost: 1 });
      assert.ok(resetAtUs > atUs, 'the record is said to be fresh while it holds limits of other policies');
    },
  },
  {
    id: 'policy/kept-limits-go-on',
    title: 'a limit that a call does not ask for goes on refilling, also when it is all that is left of the record',
    async run(context) {
      const kept = tokenBucket({ name: 'kept', capacity: 2, refillIntervalMs: 2 * day });
      const other = tokenBucket({ name: 'other', capacity: 2, refillIntervalMs: 2 * day });
      const key = context.key();
      const { resetAtUs } = await context.ask(key, kept, { kind: 'consume', cost: 1 });
      await context.pass(3000);
      const { atUs } = await context.ask(key, other, { kind: 'penalize', cost: 1 });
      await context.pass(3000);
      // More than was charged, so that the other limit is whole again and leaves the record.
      await context.ask(key, other, { kind: 'refund', cost: 2, atUs });
      assert.equal((await context.ask(key, kept, { kind: 'peek', cost: 1 })).resetAtUs, resetAtUs);
    },
  },
  {
    id: 'policy/by-name',
    title: 'state belongs to a limit by its name, whatever its place in the policy',
    async run(context) {
      const key = context.key();
      // Spent unequally, so that a mistaken place shows.
      await context.ask(key, [many], { kind: 'consume', cost: 3 });
      await context.ask(key, [many, few], { kind: 'consume', cost: 1 });
      assert.deepEqual(await left(context, key, [few, many]), [1, 6]);
      await context.ask(key, [few, many], { kind: 'consume', cost: 1 });
      assert.deepEqual(await left(context, key, [many, few]), [5, 0]);
    },
  },
  {
    id: 'policy/changed-limit',
    title: 'what was spent stays spent when a limit is raised or lowered',
    async run(context) {
      const wide = (limit: number): readonly Limit[] => everyAlgorithm(context, { limit, windowMs: 1000 * day });
      for (const [i, ten] of wide(10).entries()) {
        const [raised, lowered] = [wide(20)[i], wide(5)[i]] as [Limit, Limit];
        const key = context.key();
        await context.ask(key, ten, { kind: 'consume', cost: 7 });
        assert.deepEqual(await left(context, key, [raised]), [13], `${ten.kind} raised`);
        assert.deepEqual(await left(context, key, [lowered]), [0], `${ten.kind} lowered`);
        assert.equal((await context.ask(key, lowered, { kind: 'consume', cost: 1 })).allowed, false, ten.kind);
        assert.deepEqual(await left(context, key, [ten]), [3], `${ten.kind} as it was`);
      }
    },
  },
  {
    id: 'policy/changed-algorithm',
    title: 'what was spent stays spent when a limit changes its algorithm or its window',
    async run(context) {
      const from = everyAlgorithm(context, { limit: 10, windowMs: 1000 * day });
      const to = [
        ...everyAlgorithm(context, { limit: 10, windowMs: 2000 * day }),
        tokenBucket({ capacity: 10, refillTokens: 1, refillIntervalMs: 30 * day }),
      ];
      for (const before of from) {
        for (const after of to) {
          const key = context.key();
          await context.ask(key, before, { kind: 'consume', cost: 6 });
          assert.deepEqual(await left(context, key, [after]), [4], `${before.kind} to ${after.kind}`);
          await context.ask(key, after, { kind: 'consume', cost: 1 });
          assert.deepEqual(await left(context, key, [after]), [3], `${before.kind} to ${after.kind}, charged`);
        }
      }
    },
  },
];
