import assert from 'node:assert/strict';
import { createLimiter, fixedWindow } from '@headgate/core';
import { sleep, within } from '../../suite/deadline.js';
import { randomKey } from '../../suite/random.js';
import type { Decision, Limiter } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

const timeoutMs = 400;
/** Beyond the time limit: for a busy machine to run the timer. */
const marginMs = 1500;
/** Longest a store may take to serve again once its server does. */
const recoveryMs = 15_000;

const limit = fixedWindow({ limit: 1000, windowMs: 86_400_000 });

/** Two limiters on the same keys: one that gives calls up in time, and one for calls that are to succeed, however long the store takes to connect. */
interface Limiters {
  readonly limiter: Limiter;
  readonly patient: Limiter;
}

function limitersOn({ store }: LimiterContext): Limiters {
  const name = randomKey('fault');
  // A breaker would answer in the store's place, which is core's business and not what is asked here.
  const options = { name, store, limits: limit, breaker: { failures: 1000 } };
  return {
    limiter: createLimiter({ ...options, timeoutMs }),
    patient: createLimiter({ ...options, timeoutMs: recoveryMs }),
  };
}

/** Calls while the store is away; each must end in time, as a StoreError: never as a denial, never as an admission. */
async function assertAway(limiter: Limiter, key: string, calls: number): Promise<void> {
  const started = performance.now();
  const outcomes = await within(
    timeoutMs + marginMs,
    `calls had not ended ${marginMs} ms after their time limit of ${timeoutMs} ms`,
    Promise.allSettled(Array.from({ length: calls }, () => limiter.consume(key))),
  );
  for (const outcome of outcomes) {
    assert.ok(outcome.status === 'rejected', 'a call was answered while the store was away');
    const { code } = outcome.reason as { readonly code?: unknown };
    assert.match(String(code), /^HEADGATE_STORE/, `after ${performance.now() - started} ms: ${String(outcome.reason)}`);
  }
}

/** Calls until one is answered, with the limiter and the store that there are. */
async function untilServed(limiter: Limiter, key: string): Promise<Decision> {
  const deadline = performance.now() + recoveryMs;
  for (;;) {
    try {
      return await limiter.peek(key);
    } catch (error) {
      if (performance.now() > deadline)
        throw new Error(`the store still failed ${recoveryMs} ms after its server was back`, { cause: error });
      await sleep(50);
    }
  }
}

/** What was spent in the end: at least what was answered, at most what was asked. */
async function assertSpent(limiter: Limiter, key: string, least: number, most: number): Promise<void> {
  const { remaining } = await untilServed(limiter, key);
  const spent = limit.limit - remaining;
  assert.ok(spent >= least && spent <= most, `${spent} units were spent; ${least} were granted and ${most} asked for`);
}

/** The store while its server or the way to it fails, and after. */
export const faultProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'faults/paused-server',
    title:
      'while the server hangs every call ends in time with a StoreError; afterwards the same store serves, and no call was charged twice',
    faults: ['pause', 'resume'],
    timeoutMs: 40_000,
    async run(context) {
      const { limiter, patient } = limitersOn(context);
      const key = context.key();
      await patient.consume(key);
      await context.faults.pause?.();
      try {
        await assertAway(limiter, key, 5);
      } finally {
        await context.faults.resume?.();
      }
      await assertSpent(limiter, key, 1, 6);
    },
  },
  {
    id: 'faults/killed-server',
    title:
      'while the server is gone every call ends in time with a StoreError; after its restart the same store serves',
    faults: ['kill', 'restartStore'],
    timeoutMs: 40_000,
    async run(context) {
      const { limiter, patient } = limitersOn(context);
      const key = context.key();
      await patient.consume(key);
      await context.faults.kill?.();
      try {
        await assertAway(limiter, key, 5);
      } finally {
        await context.faults.restartStore?.();
      }
      // Whether data survives a restart is the store's to say.
      await assertSpent(limiter, key, 0, 6);
      const { remaining } = await patient.peek(key);
      assert.equal((await patient.consume(key)).remaining, remaining - 1);
    },
  },
  {
    id: 'faults/blackhole',
    title:
      'while nothing passes every call ends in time with a StoreError; afterwards the same store serves, and no call was charged twice',
    faults: ['blackhole', 'heal'],
    timeoutMs: 40_000,
    async run(context) {
      const { limiter, patient } = limitersOn(context);
      const key = context.key();
      await patient.consume(key);
      await context.faults.blackhole?.();
      try {
        await assertAway(limiter, key, 5);
      } finally {
        await context.faults.heal?.();
      }
      await assertSpent(limiter, key, 1, 6);
    },
  },
  {
    id: 'faults/dropped-connections',
    title: 'calls under way when connections are cut end with an answer or a StoreError, and none is charged twice',
    faults: ['dropConnections'],
    timeoutMs: 40_000,
    async run(context) {
      const { limiter } = limitersOn(context);
      const key = context.key();
      let granted = 0;
      let asked = 0;
      for (let round = 0; round < 5; round++) {
        const calls = Array.from({ length: 20 }, () => limiter.consume(key));
        asked += calls.length;
        await context.faults.dropConnections?.();
        for (const outcome of await Promise.allSettled(calls)) {
          if (outcome.status === 'fulfilled') granted += outcome.value.granted;
          else assert.match(String((outcome.reason as { code?: unknown }).code), /^HEADGATE_STORE/);
        }
        await untilServed(limiter, key);
      }
      await assertSpent(limiter, key, granted, asked);
    },
  },
  {
    id: 'faults/lost-reply-charges-once',
    title: 'a call whose reply is lost is charged once at most',
    faults: ['dropReply', 'heal'],
    timeoutMs: 40_000,
    async run(context) {
      const { limiter, patient } = limitersOn(context);
      for (let round = 0; round < 3; round++) {
        const key = context.key();
        // A key in use, so that the next request on it is one write.
        await patient.consume(key);
        const { lost } = (await context.faults.dropReply?.()) ?? {};
        const outcome = await limiter.consume(key).then(
          (decision) => decision.granted,
          (error: unknown) => error,
        );
        try {
          await within(timeoutMs + marginMs, 'no reply was lost: the fault did not happen', Promise.resolve(lost));
        } finally {
          await context.faults.heal?.();
        }
        if (typeof outcome !== 'number') assert.match(String((outcome as { code?: unknown }).code), /^HEADGATE_STORE/);
        // Long enough for a client that sends again by itself to have done so.
        await untilServed(limiter, key);
        await sleep(300);
        await assertSpent(limiter, key, typeof outcome === 'number' ? 2 : 1, 2);
      }
    },
  },
  {
    id: 'faults/wiped-store',
    title: 'after the loss of all data keys are fresh, and counted rightly from then on',
    faults: ['wipe'],
    async run(context) {
      const { limiter, patient } = limitersOn(context);
      const key = context.key();
      await patient.consume(key, { cost: 10 });
      await context.faults.wipe?.();
      await untilServed(limiter, key);
      assert.equal((await patient.consume(key, { cost: 3 })).remaining, limit.limit - 3);
      assert.equal((await patient.consume(key, { cost: 4 })).remaining, limit.limit - 7);
    },
  },
];
