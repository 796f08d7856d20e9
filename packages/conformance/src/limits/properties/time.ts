import assert from 'node:assert/strict';
import { fixedWindow, slidingLog, tokenBucket } from '@headgate/core';
import { withoutClock } from '../context.js';
import { untilInstant } from '../until-instant.js';
import { everyAlgorithm } from './limits-to-try.js';
import type { LimiterAnswerNow } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

const hourUs = 3_600_000_000;

/** When things happen: to the tick on a movable clock, and at the store's own `nowUs` otherwise. */
export const timeProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'time/epoch-microseconds',
    title: '`nowUs` is the epoch in microseconds, and does not fall between calls',
    async run(context) {
      const limit = fixedWindow({ limit: 1, windowMs: 1000 });
      const expected = context.clock?.nowUs() ?? Date.now() * 1000;
      const first = await context.ask(context.key(), limit, { kind: 'peek', cost: 1 });
      const second = await context.ask(context.key(), limit, { kind: 'peek', cost: 1 });
      // Ten minutes: a unit mistaken is further off, a machine's clock is not.
      assert.ok(Math.abs(first.nowUs - expected) < 600_000_000, `nowUs is ${first.nowUs}, expected about ${expected}`);
      assert.ok(second.nowUs >= first.nowUs, `nowUs fell from ${first.nowUs} to ${second.nowUs}`);
    },
  },
  {
    id: 'time/retry-is-the-first-instant',
    title: 'a denied call is admitted from its `retryAtUs` on, and not before',
    async run(context) {
      for (const limit of everyAlgorithm(context, { limit: 4, windowMs: context.clock ? 3000 : 60 })) {
        for (const cost of [1, 3, 4]) {
          const key = context.key();
          await context.ask(key, limit, { kind: 'consume', cost: 4 });
          const denied = await context.ask(key, limit, { kind: 'consume', cost });
          if (denied.allowed) continue; // The window ended between the calls, as aligned ones do.
          const peek = (): Promise<LimiterAnswerNow> => context.ask(key, limit, { kind: 'peek', cost });
          await untilInstant(context, denied.retryAtUs, peek, (answer, reached) => {
            const when = `${limit.kind}, cost ${cost}: ${answer.nowUs - denied.retryAtUs} us after retryAtUs`;
            assert.equal(answer.allowed, reached, when);
            if (!reached) assert.equal(answer.retryAtUs, denied.retryAtUs, `${when}, retryAtUs moved`);
          });
          assert.equal((await context.ask(key, limit, { kind: 'consume', cost })).allowed, true, limit.kind);
        }
      }
    },
  },
  {
    id: 'time/reset-is-fresh',
    title: 'a key equals a fresh one from its `resetAtUs` on, and not before',
    async run(context) {
      for (const limit of everyAlgorithm(context, { limit: 4, windowMs: context.clock ? 3000 : 40 })) {
        const key = context.key();
        const { resetAtUs } = await context.ask(key, limit, { kind: 'consume', cost: 3 });
        const peek = (): Promise<LimiterAnswerNow> => context.ask(key, limit, { kind: 'peek', cost: 4 });
        await untilInstant(context, resetAtUs, peek, (answer, reached) => {
          const when = `${limit.kind}: ${answer.nowUs - resetAtUs} us after resetAtUs`;
          assert.equal(answer.resetAtUs, reached ? answer.atUs : resetAtUs, when);
          if (reached) assert.equal(answer.remaining, 4, when);
        });
      }
    },
  },
  {
    id: 'time/short-windows-end',
    title: 'a window shorter than a second ends when it says',
    async run(context) {
      for (const windowMs of context.clock ? [1, 10, 100, 999] : [20, 100]) {
        for (const limit of everyAlgorithm(context, { limit: 2, windowMs })) {
          const key = context.key();
          await context.ask(key, limit, { kind: 'consume', cost: 2 });
          await context.pass(2 * windowMs * 1000);
          const after = await context.ask(key, limit, { kind: 'consume', cost: 2 });
          assert.equal(after.allowed, true, `${limit.kind} of ${windowMs} ms`);
        }
      }
    },
  },
  {
    id: 'time/long-windows-hold',
    title: 'a window of 24.8 days and a millisecond, of a month or of a year does not end at once',
    async run(context) {
      for (const windowMs of [2 ** 31, 2_592_000_000, 31_536_000_000]) {
        for (const limit of [
          fixedWindow({ limit: 2, windowMs }),
          tokenBucket({ capacity: 1, refillIntervalMs: windowMs }),
          ...(context.store.capabilities.maxSlidingLogLimit > 0 ? [slidingLog({ limit: 1, windowMs })] : []),
        ]) {
          const key = context.key();
          const { atUs } = await context.ask(key, limit, { kind: 'consume', cost: limit.limit });
          for (const passUs of context.clock ? [5000, 1_000_000, 86_400_000_000] : [5000]) {
            await context.pass(passUs);
            const denied = await context.ask(key, limit, { kind: 'consume', cost: limit.limit });
            assert.equal(denied.allowed, false, `${limit.kind} of ${windowMs} ms ended after ${passUs} us`);
            assert.equal(denied.retryAtUs, atUs + windowMs * 1000, limit.kind);
          }
        }
      }
    },
  },
  {
    id: 'time/no-drift',
    title: 'a token bucket with an awkward ratio admits what exact rational arithmetic says, step after step',
    timeoutMs: 30_000,
    async run(context) {
      const scaleMs = context.clock ? 1000 : 10;
      for (const [tokens, intervals] of [
        [7, 3],
        [3, 7],
        [1, 13],
        [1000, 1],
      ] as const) {
        const limit = tokenBucket({ capacity: 11, refillTokens: tokens, refillIntervalMs: intervals * scaleMs });
        const perInterval = BigInt(intervals * scaleMs * 1000);
        const full = 11n * perInterval;
        const key = context.key();
        // The level in units of one token per interval microsecond: whole numbers, kept in BigInt.
        let level = full;
        let lastUs: number | undefined;
        // Two thousand steps in a process's memory; as many as fit into the time where each is a request.
        const endMs = performance.now() + 4000;
        for (let i = 0; i < 60 || (context.clock && i < 2000 && performance.now() < endMs); i++) {
          await context.pass(context.clock ? ((i * 48_271) % 1_234_567) + 1 : (i % 4) * 1000);
          const cost = 1 + (i % 3);
          const { allowed, atUs } = await context.ask(key, limit, { kind: 'consume', cost });
          const gained = lastUs === undefined ? 0n : BigInt(atUs - lastUs) * BigInt(tokens);
          level = level + gained > full ? full : level + gained;
          lastUs = atUs;
          const units = BigInt(cost) * perInterval;
          assert.equal(allowed, level >= units, `${tokens} per ${intervals * scaleMs} ms, step ${i}`);
          if (allowed) level -= units;
        }
      }
    },
  },
  {
    id: 'time/idle-is-not-saved-up',
    title: 'a key left idle for long admits one limit, and no more',
    async run(context) {
      for (const limit of everyAlgorithm(context, { limit: 3, windowMs: 20 })) {
        const key = context.key();
        await context.ask(key, limit, { kind: 'consume', cost: 2 });
        await context.pass(context.clock ? 400 * 24 * hourUs : 120_000);
        const { remaining, allowed } = await context.ask(key, limit, { kind: 'peek', cost: 3 });
        assert.deepEqual([remaining, allowed], [3, true], limit.kind);
      }
    },
  },
  {
    id: 'time/steady-demand',
    title: 'demand no faster than the refill is never denied',
    async run(context) {
      const limit = tokenBucket({ capacity: 1, refillTokens: 1, refillIntervalMs: 7 });
      const key = context.key();
      let lastUs = 0;
      for (let i = 0; i < (context.clock ? 300 : 40); i++) {
        const { nowUs, allowed } = await context.ask(key, limit, { kind: 'consume', cost: 1 });
        // Where time is waited for, the store may see two calls closer together than they were sent.
        if (nowUs - lastUs >= 7000) assert.equal(allowed, true, `denied after ${nowUs - lastUs} us`);
        if (allowed) lastUs = nowUs;
        await context.pass(7000);
      }
    },
  },
  {
    id: 'time/clock-steps-back',
    title: 'a clock that steps back re-opens nothing and makes nobody wait longer than before',
    unless: withoutClock,
    async run(context) {
      for (const limit of everyAlgorithm(context, { limit: 2, windowMs: 3_600_000 })) {
        const key = context.key();
        const spent = await context.ask(key, limit, { kind: 'consume', cost: 2 });
        const denied = await context.ask(key, limit, { kind: 'consume', cost: 1 });
        context.clock?.setWallUs(spent.nowUs - 2 * hourUs);
        const back = await context.ask(key, limit, { kind: 'consume', cost: 1 });
        assert.equal(back.allowed, false, `${limit.kind} re-opened`);
        assert.equal(back.atUs, spent.atUs, `${limit.kind}: atUs is not clamped to the record's last time`);
        assert.equal(back.retryAtUs, denied.retryAtUs, `${limit.kind}: retryAtUs moved`);
        context.clock?.setWallUs(denied.retryAtUs);
        assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 1 })).allowed, true, limit.kind);
      }
    },
  },
  {
    id: 'time/skewed-client',
    title: "a client whose clock is an hour off is served by the store's clock",
    faults: ['skewClock'],
    unless: ({ store, fixture }) => {
      if (store.clock !== 'store') return "the store decides by its clients' clocks";
      return fixture.openPeer ? undefined : 'the fixture gives no openPeer';
    },
    async run(context) {
      const limit = fixedWindow({ limit: 2, windowMs: 600_000 });
      const key = context.key();
      const { nowUs } = await context.ask(key, limit, { kind: 'consume', cost: 2 });
      for (const skewMs of [-3_600_000, 3_600_000]) {
        await context.faults.skewClock?.(skewMs);
        try {
          const skewed = await context.ask(key, limit, { kind: 'consume', cost: 1 }, await context.peer());
          assert.equal(skewed.allowed, false, `skewed by ${skewMs} ms`);
          // A minute: more than this test takes, far less than the skew.
          assert.ok(Math.abs(skewed.nowUs - nowUs) < 60_000_000, `skewed by ${skewMs} ms, nowUs followed`);
        } finally {
          await context.faults.skewClock?.(0);
        }
      }
    },
  },
];
