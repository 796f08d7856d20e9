import assert from 'node:assert/strict';
import { fixedWindow } from '@headgate/core';
import type { LimiterStep } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { FaultCounters } from '../../suite/faults.js';
import type { LimiterContext } from '../context.js';

const limit = fixedWindow({ limit: 100, windowMs: 3_600_000 });

/** What `work` cost, by the counters of the store's test. */
async function spentBy({ faults }: LimiterContext, work: () => Promise<unknown>): Promise<FaultCounters> {
  const before = (await faults.counters?.()) as FaultCounters;
  await work();
  const after = (await faults.counters?.()) as FaultCounters;
  const requests = after.requests - before.requests;
  return after.writes === undefined || before.writes === undefined
    ? { requests }
    : { requests, writes: after.writes - before.writes };
}

/** What a call costs: nothing where the data are in this process. */
function requestsPerCall({ medium }: LimiterContext): number {
  return medium === 'process' ? 0 : 1;
}

/** Requests and writes, counted rather than timed. The first call on a store may also load scripts, so it is not counted. */
export const budgetProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'budget/one-request-per-call',
    title: 'a call on a key in use costs one request, and none where the data are in this process',
    faults: ['counters'],
    async run(context) {
      const key = context.key();
      await context.ask(key, limit, { kind: 'consume', cost: 1 });
      const { requests } = await spentBy(context, async () => {
        for (let i = 0; i < 10; i++) await context.ask(key, limit, { kind: 'consume', cost: 1 });
      });
      assert.equal(requests, 10 * requestsPerCall(context));
    },
  },
  {
    id: 'budget/batch-per-lane',
    title: 'a step of many operations costs one request, as one operation does',
    faults: ['counters'],
    async run(context) {
      const key = context.key();
      await context.ask(key, limit, { kind: 'consume', cost: 1 });
      const ops = Array.from({ length: Math.min(50, context.store.capabilities.maxStepOps) }, () => ({
        kind: 'consume' as const,
        cost: 1,
      }));
      const { requests } = await spentBy(context, () => context.decide(key, [limit], ops));
      assert.equal(requests, requestsPerCall(context));
    },
  },
  {
    id: 'budget/denials-write-nothing',
    title: 'a hundred denials and peeks write nothing, and cost one request each at most',
    faults: ['counters'],
    async run(context) {
      const key = context.key();
      await context.ask(key, limit, { kind: 'consume', cost: 100 });
      const { requests, writes = 0 } = await spentBy(context, async () => {
        for (let i = 0; i < 50; i++) {
          await context.ask(key, limit, { kind: 'consume', cost: 1 });
          await context.ask(key, limit, { kind: 'peek', cost: 1 });
        }
      });
      assert.equal(writes, 0, `100 denials and peeks made ${writes} writes`);
      assert.ok(requests <= 100, `100 denials and peeks made ${requests} requests`);
    },
  },
  {
    id: 'budget/one-write-per-key',
    title: 'a batch writes each admitted key once at most, and denied ones not at all',
    faults: ['counters'],
    unless: ({ store }) => (store.capabilities.maxBatchSteps < 4 ? 'capabilities.maxBatchSteps is below 4' : undefined),
    async run(context) {
      const keys = Array.from({ length: 4 }, () => context.key());
      await context.ask(keys[0] as string, limit, { kind: 'consume', cost: 100 });
      await context.ask(keys[1] as string, limit, { kind: 'consume', cost: 100 });
      const steps = keys.map((key): LimiterStep => ({ key, limits: [limit], ops: [{ kind: 'consume', cost: 1 }] }));
      const { writes } = await spentBy(context, () => context.batch(steps));
      if (writes !== undefined) assert.ok(writes <= 2, `two admitted and two denied keys made ${writes} writes`);
    },
  },
];
