import assert from 'node:assert/strict';
import { fixedWindow, slidingLog, tokenBucket } from '@headgate/core';
import { startHolder } from '../../process/holder.js';
import { withoutHook } from '../context.js';
import { patiently, storm, whileTimeRuns } from '../storm.js';
import type { LimiterStep, LimiterStore } from '@headgate/core';
import type { Holder } from '../../process/holder.js';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

const day = 86_400_000;

/** Two stores on the same data where the fixture can open a second, else the one. */
async function stores(context: LimiterContext): Promise<readonly LimiterStore[]> {
  return context.fixture.openPeer ? [context.store, await context.peer()] : [context.store];
}

function step(key: string, limits: LimiterStep['limits'], cost = 1): LimiterStep {
  return { key, limits, ops: [{ kind: 'consume', cost }] };
}

/** Many callers at once. A `StoreContendedError` charged nothing, so such calls are made again. */
export const stormProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'storm/admits-exactly-the-limit',
    title: '500 calls on one key at once, by two stores, are admitted exactly as often as the limit says',
    timeoutMs: 60_000,
    async run(context) {
      const both = await stores(context);
      for (const limit of [
        fixedWindow({ limit: 120, windowMs: day }),
        tokenBucket({ capacity: 120, refillIntervalMs: 1000 * day }),
      ]) {
        const key = context.key();
        const results = await storm(
          context,
          both,
          Array.from({ length: 500 }, () => step(key, [limit])),
        );
        assert.equal(
          results.filter(({ answers }) => answers[0]?.allowed).length,
          120,
          `admitted of 500 calls at once (${limit.kind})`,
        );
      }
    },
  },
  {
    id: 'storm/first-calls',
    title: 'the first calls on a key, made at once, share one fresh limit',
    timeoutMs: 60_000,
    async run(context) {
      const both = await stores(context);
      const keys = Array.from({ length: 25 }, () => context.key());
      const steps = keys.flatMap((key) =>
        Array.from({ length: 8 }, () => step(key, [fixedWindow({ limit: 1, windowMs: day })])),
      );
      const results = await storm(context, both, steps);
      const admitted = keys.map(
        (_, i) => results.slice(i * 8, i * 8 + 8).filter(({ answers }) => answers[0]?.allowed).length,
      );
      assert.deepEqual(
        admitted,
        keys.map(() => 1),
        'admitted of 8 calls at once on each of 25 fresh keys',
      );
    },
  },
  {
    id: 'storm/policy',
    title: 'a policy stays all or nothing under a storm',
    timeoutMs: 60_000,
    async run(context) {
      const both = await stores(context);
      const policy = [
        fixedWindow({ name: 'many', limit: 100, windowMs: day }),
        fixedWindow({ name: 'few', limit: 60, windowMs: day }),
      ];
      const key = context.key();
      const results = await storm(
        context,
        both,
        Array.from({ length: 200 }, () => step(key, policy)),
      );
      assert.equal(results.filter(({ answers }) => answers[0]?.allowed).length, 60, 'admitted of 200 calls at once');
      const { readings } = await context.ask(key, policy, { kind: 'peek', cost: 0 });
      assert.deepEqual(
        readings?.map(({ remaining }) => remaining),
        [40, 0],
      );
    },
  },
  {
    id: 'storm/overlapping-batches',
    title: 'batches over the same keys in different orders all come back, and lose no charge',
    timeoutMs: 60_000,
    unless: ({ store }) => (store.capabilities.maxBatchSteps < 5 ? 'capabilities.maxBatchSteps is below 5' : undefined),
    async run(context) {
      const both = await stores(context);
      const keys = Array.from({ length: 5 }, () => context.key());
      const limit = fixedWindow({ limit: 1000, windowMs: day });
      const worker = async (id: number): Promise<void> => {
        const store = both[id % both.length] as LimiterStore;
        for (let round = 0; round < 6; round++) {
          const order = keys.map((_, i) => keys[(i * (1 + (id % 4)) + round) % keys.length] as string);
          await patiently(
            store,
            order.map((key) => step(key, [limit])),
          );
        }
      };
      await whileTimeRuns(context, Promise.all(Array.from({ length: 8 }, (_, id) => worker(id))));
      for (const key of keys)
        assert.equal(
          (await context.ask(key, limit, { kind: 'peek', cost: 1 })).remaining,
          1000 - 8 * 6,
          'left of 1000 after 48 charges of 1',
        );
    },
  },
  {
    id: 'storm/window-edge',
    title: 'a storm across the end of a window admits no more than the limit on either side',
    unless: ({ store }) =>
      store.capabilities.maxSlidingLogLimit < 5 ? 'capabilities.maxSlidingLogLimit is below 5' : undefined,
    async run(context) {
      const both = await stores(context);
      const limit = slidingLog({ limit: 5, windowMs: 50 });
      const key = context.key();
      const admittedUs: number[] = [];
      for (let round = 0; round < 15; round++) {
        for (const { answers, atUs } of await storm(
          context,
          both,
          Array.from({ length: 16 }, () => step(key, [limit])),
        ))
          if (answers[0]?.allowed) admittedUs.push(atUs);
        await context.pass(9000);
      }
      admittedUs.sort((a, b) => a - b);
      assert.ok(admittedUs.length > 5, 'the window never ended');
      for (const [i, atUs] of admittedUs.entries()) {
        const sixth = admittedUs[i + 5];
        if (sixth !== undefined) assert.ok(sixth - atUs >= 50_000, `six were admitted within ${sixth - atUs} us`);
      }
    },
  },
  {
    id: 'storm/processes',
    title: 'three processes that storm one key are admitted exactly as often as the limit says',
    timeoutMs: 60_000,
    unless: (context) => withoutHook(context, 'program'),
    async run(context) {
      const { program } = context.fixture;
      if (!program) return;
      const started = await Promise.allSettled([startHolder(program), startHolder(program), startHolder(program)]);
      const holders = started.flatMap((result): Holder[] => (result.status === 'fulfilled' ? [result.value] : []));
      try {
        for (const result of started) if (result.status === 'rejected') throw result.reason;
        const key = context.key();
        const steps = Array.from({ length: 60 }, () => step(key, [fixedWindow({ limit: 50, windowMs: day })]));
        const admitted = await Promise.all(holders.map((holder) => holder.call('storm', steps)));
        assert.equal(
          admitted.reduce<number>((sum, count) => sum + Number(count), 0),
          50,
        );
      } finally {
        await Promise.all(holders.map((holder) => holder.kill()));
      }
    },
  },
];
