import assert from 'node:assert/strict';
import { fixedWindow, StoreError } from '@headgate/core';
import { cannotHave } from '../../suite/medium.js';
import type { LimiterAnswerNow, LimiterDecided, LimiterStep } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

const day = 86_400_000;
/** More than this in one call says nothing new. */
const enough = 200;

function limitOf(limit: number): ReturnType<typeof fixedWindow> {
  return fixedWindow({ limit, windowMs: day });
}

/** Several operations on a key and several keys in a call. */
export const batchProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'batch/operations-in-order',
    title: 'operations of one step are decided in order: 5 left and costs 3, 4, 2 give yes, no, yes',
    unless: ({ store }) => (store.capabilities.maxStepOps < 3 ? 'capabilities.maxStepOps is below 3' : undefined),
    async run(context) {
      const ops = [3, 4, 2].map((cost) => ({ kind: 'consume' as const, cost }));
      const { answers } = await context.decide(context.key(), [limitOf(5)], ops);
      assert.deepEqual(
        answers.map(({ allowed }) => allowed),
        [true, false, true],
      );
      assert.deepEqual(
        answers.map(({ remaining }) => remaining),
        [2, 2, 0],
      );
    },
  },
  {
    id: 'batch/answers-to-their-operations',
    title: 'each operation gets its own answer, in order, whatever its kind',
    unless: ({ store }) => (store.capabilities.maxStepOps < 5 ? 'capabilities.maxStepOps is below 5' : undefined),
    async run(context) {
      const { answers } = await context.decide(
        context.key(),
        [limitOf(5)],
        [
          { kind: 'peek', cost: 5 },
          { kind: 'consumeUpTo', cost: 9 },
          { kind: 'consume', cost: 1 },
          { kind: 'reset' },
          { kind: 'consume', cost: 2 },
        ],
      );
      assert.deepEqual(
        answers.map(({ allowed, granted, remaining }) => [allowed, granted, remaining]),
        [
          [true, 0, 5],
          [true, 5, 0],
          [false, 0, 0],
          [true, 0, 5],
          [true, 2, 3],
        ],
      );
    },
  },
  {
    id: 'batch/results-in-order',
    title: 'the results of a batch come in the order of its steps, each with its own limits and clocks',
    unless: ({ store }) => (store.capabilities.maxBatchSteps < 2 ? 'capabilities.maxBatchSteps is 1' : undefined),
    async run(context) {
      const size = Math.min(40, context.store.capabilities.maxBatchSteps);
      // Every step has another limit and another cost, and the keys sort in neither order.
      const steps = Array.from(
        { length: size },
        (_, i): LimiterStep => ({
          key: context.key(String((i * 7919) % 101)),
          limits: [limitOf(100 + i)],
          ops: [{ kind: 'consume', cost: 1 + (i % 5) }],
        }),
      );
      const results = await context.batch(steps);
      assert.deepEqual(
        results.map(({ answers }) => answers[0]?.remaining),
        Array.from({ length: size }, (_, i) => 100 + i - 1 - (i % 5)),
      );
      assertOwnClocks(results);
      await assertOwnInstants(context, size);
    },
  },
  {
    id: 'batch/as-large-as-declared',
    title:
      'a batch and a step as large as the capabilities declare are decided whole (sizes above 200 are taken as 200)',
    async run(context) {
      const { maxBatchSteps, maxStepOps } = context.store.capabilities;
      const steps = Array.from(
        { length: Math.min(enough, maxBatchSteps) },
        (): LimiterStep => ({
          key: context.key(),
          limits: [limitOf(1)],
          ops: [{ kind: 'consume', cost: 1 }],
        }),
      );
      for (const allowed of [true, false])
        for (const { answers } of await context.batch(steps)) assert.equal(answers[0]?.allowed, allowed);
      const ops = Array.from({ length: Math.min(enough, maxStepOps) }, () => ({ kind: 'consume' as const, cost: 1 }));
      const half = Math.ceil(ops.length / 2);
      const { answers } = await context.decide(context.key(), [limitOf(half)], ops);
      assert.deepEqual(
        answers.map(({ allowed }) => allowed),
        ops.map((_, i) => i < half),
      );
    },
  },
  {
    id: 'batch/error-stays-alone',
    title: "one step's error is its own: it stands in its place and every other step is decided",
    unless: ({ fixture, store }) => {
      if (!fixture.failKey && !fixture.writeForeignRecord)
        return 'the fixture gives neither failKey nor writeForeignRecord';
      return store.capabilities.maxBatchSteps < 3 ? 'capabilities.maxBatchSteps is below 3' : undefined;
    },
    async run(context) {
      const keys = [context.key(), context.key(), context.key()] as const;
      const { fixture } = context;
      // A store may only be able to fail keys that it does not know yet.
      for (const known of [keys[0], keys[2]]) await context.ask(known, limitOf(5), { kind: 'consume', cost: 1 });
      await (fixture.failKey ? fixture.failKey(keys[1]) : fixture.writeForeignRecord?.(keys[1]));
      const steps = keys.map(
        (key): LimiterStep => ({ key, limits: [limitOf(5)], ops: [{ kind: 'consume', cost: 2 }] }),
      );
      const results = await context.store.decide(steps, {});
      assert.equal(results.length, 3);
      const [first, second, third] = results;
      assert.ok(second && 'error' in second, 'the step that must fail has no error');
      assert.ok(
        second.error instanceof StoreError || isStoreErrorCode(second.error),
        `its error is ${String(second.error)}`,
      );
      for (const result of [first, third]) {
        assert.ok(result && 'answers' in result, 'another step failed with it');
        assert.equal((result as LimiterDecided).answers[0]?.remaining, 2);
      }
    },
  },
  {
    id: 'batch/lane-is-stable',
    title: 'a key is always in the same lane',
    unless: ({ store, medium }) =>
      store.lane ? undefined : (cannotHave(medium, ['lane']) ?? 'the store has one lane'),
    async run(context) {
      for (let i = 0; i < 50; i++) {
        const key = context.key();
        const lane = context.store.lane?.(key);
        assert.equal(typeof lane, 'string');
        assert.equal(context.store.lane?.(key), lane);
      }
    },
  },
];

/** Asserts that an answer which brings clocks along brings those of its step. */
function assertOwnClocks(results: readonly LimiterDecided[]): void {
  for (const [step, { nowUs, atUs, answers }] of results.entries()) {
    for (const answer of answers) {
      const brought: Partial<LimiterAnswerNow> = answer;
      const clocks = [brought.nowUs ?? nowUs, brought.atUs ?? atUs];
      assert.deepEqual(
        clocks,
        [nowUs, atUs],
        `nowUs and atUs of the answer to step ${step + 1}, then those of the step`,
      );
    }
  }
}

/** Asserts the same of steps that count as instants of their own, which takes a clock that can be set back: their keys were last charged one after the other. */
async function assertOwnInstants(context: LimiterContext, size: number): Promise<void> {
  const { clock } = context;
  if (!clock) return;
  const steps = Array.from(
    { length: size },
    (): LimiterStep => ({ key: context.key(), limits: [limitOf(5)], ops: [{ kind: 'consume', cost: 1 }] }),
  );
  const charged: number[] = [];
  for (const step of steps) {
    charged.push(...(await context.batch([step])).map(({ atUs }) => atUs));
    await context.pass(1000);
  }
  clock.setWallUs((charged[0] as number) - 1_000_000);
  const results = await context.batch(steps);
  assert.deepEqual(
    results.map(({ atUs }) => atUs),
    charged,
    'the instants that the steps count as',
  );
  assertOwnClocks(results);
}

/** A tree may hold two copies of core: the code tells. */
function isStoreErrorCode(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && (code.startsWith('HEADGATE_STORE') || code === 'HEADGATE_RECORD_VERSION');
}
