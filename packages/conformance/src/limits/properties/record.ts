import assert from 'node:assert/strict';
import { fixedWindow } from '@headgate/core';
import { withoutHook, withoutPeer, withoutRecords } from '../context.js';
import { slowLimits } from './limits-to-try.js';
import type { LimiterOp } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';
import type { RawRecord } from '../fixture.js';

async function contents({ fixture }: LimiterContext): Promise<readonly string[]> {
  const records = (await fixture.records?.()) ?? [];
  return records.map(({ id, content, expiresAtMs }) => JSON.stringify([id, content, expiresAtMs])).sort();
}

/** Longest that is waited for a removal where time cannot be moved. */
const longestWaitMs = 5000;

async function sizeOf({ fixture }: LimiterContext): Promise<number> {
  return fixture.size ? await fixture.size() : ((await fixture.records?.()) ?? []).length;
}

/** What lies in the store, and for how long. */
export const recordProperties: readonly Property<LimiterContext>[] = [
  {
    id: 'record/denials-and-peeks-write-nothing',
    title: 'denials and peeks change no byte in the store',
    unless: withoutRecords,
    async run(context) {
      for (const limit of slowLimits(context, 3)) {
        const [spent, blocked, fresh] = [context.key(), context.key(), context.key()];
        await context.ask(spent, limit, { kind: 'consume', cost: 3 });
        await context.ask(blocked, limit, { kind: 'block', forUs: 3_600_000_000 });
        const before = await contents(context);
        assert.ok(before.length >= 2, 'the fixture shows no records');
        for (const key of [spent, blocked, fresh]) {
          const denied: LimiterOp[] = [
            { kind: 'peek', cost: 1 },
            { kind: 'consume', cost: 4 },
            { kind: 'consume', cost: 0 },
          ];
          if (key !== fresh) denied.push({ kind: 'consume', cost: 1 }, { kind: 'consumeUpTo', cost: 2 });
          for (const op of denied) await context.ask(key, limit, op);
        }
        assert.deepEqual(await contents(context), before, limit.kind);
      }
    },
  },
  {
    id: 'record/expires',
    title: 'every record is removed by itself, at the instant it equals a fresh one or later, and none is immortal',
    unless: withoutRecords,
    async run(context) {
      const { removalLagMs } = context.store.capabilities;
      const ops: readonly LimiterOp[] = [
        { kind: 'consume', cost: 1 },
        { kind: 'consume', cost: 3 },
        { kind: 'penalize', cost: 6 },
        { kind: 'block', forUs: 7_200_000_000 },
        { kind: 'consumeUpTo', cost: 2 },
      ];
      for (const windowMs of [50, 3_600_000]) {
        const limit = fixedWindow({ limit: 3, windowMs });
        for (const op of ops) {
          const known = new Set(((await context.fixture.records?.()) ?? []).map(({ id }) => id));
          const { resetAtUs } = await context.ask(context.key(), limit, op);
          const made = ((await context.fixture.records?.()) ?? []).filter(({ id }: RawRecord) => !known.has(id));
          // A record of 50 ms may be gone already; one of an hour may not.
          if (windowMs > 1000) assert.ok(made.length > 0, `${op.kind} left no record`);
          for (const { id, expiresAtMs } of made) {
            assert.ok(expiresAtMs !== undefined && Number.isFinite(expiresAtMs), `${id} never expires (${op.kind})`);
            assert.ok(
              expiresAtMs >= resetAtUs / 1000,
              `${id} expires ${resetAtUs / 1000 - expiresAtMs} ms too soon (${op.kind})`,
            );
            // A second above the declared lag: media count in seconds.
            const lateMs = expiresAtMs - resetAtUs / 1000;
            assert.ok(
              lateMs <= removalLagMs + 1000,
              `${id} expires ${lateMs} ms late, declared are ${removalLagMs} (${op.kind})`,
            );
          }
        }
      }
    },
  },
  {
    id: 'record/removed-in-time',
    title: 'a record that equals a fresh one is gone within the declared lag, though nobody asks for its key again',
    unless: ({ fixture, store, clock }) => {
      const { removalLagMs } = store.capabilities;
      if (!fixture.records && !fixture.size) return 'the fixture gives neither records nor size';
      if (removalLagMs === Infinity) return 'capabilities.removalLagMs is Infinity: somebody has to call the clean-up';
      return clock || removalLagMs <= longestWaitMs ? undefined : `capabilities.removalLagMs is ${removalLagMs}`;
    },
    async run(context) {
      const { removalLagMs } = context.store.capabilities;
      const before = await sizeOf(context);
      for (let i = 0; i < 20; i++)
        await context.ask(context.key(), fixedWindow({ limit: 3, windowMs: 50 }), { kind: 'consume', cost: 1 });
      // Half a second beyond the lag: media that count in seconds round, and machines are busy.
      await context.pass((50 + removalLagMs + 500) * 1000);
      assert.equal((await sizeOf(context)) - before, 0);
    },
  },
  {
    id: 'record/reset-removes',
    title: 'a key that was reset, or whose only charge was refunded, leaves no record behind',
    unless: withoutRecords,
    async run(context) {
      const limit = fixedWindow({ limit: 3, windowMs: 3_600_000 });
      const before = await contents(context);
      const [reset, refunded] = [context.key(), context.key()];
      await context.ask(reset, limit, { kind: 'consume', cost: 2 });
      await context.ask(reset, limit, { kind: 'reset' });
      const { atUs } = await context.ask(refunded, limit, { kind: 'consume', cost: 2 });
      await context.ask(refunded, limit, { kind: 'refund', cost: 2, atUs });
      assert.deepEqual(await contents(context), before);
    },
  },
  {
    id: 'record/unknown-version',
    title: 'a record of an unknown format version is an error of its own, and is left as it is',
    unless: (context) => withoutHook(context, 'writeForeignRecord'),
    async run(context) {
      const key = context.key();
      await context.fixture.writeForeignRecord?.(key);
      const before = await contents(context);
      const limit = fixedWindow({ limit: 3, windowMs: 3_600_000 });
      for (let i = 0; i < 2; i++) {
        await assert.rejects(context.ask(key, limit, { kind: 'consume', cost: 1 }), {
          code: 'HEADGATE_RECORD_VERSION',
        });
      }
      assert.deepEqual(await contents(context), before, 'the record was changed');
    },
  },
  {
    id: 'record/shared',
    title:
      'what one store charges, another on the same data sees, also one opened later; closing one leaves the other working',
    unless: withoutPeer,
    async run(context) {
      const limit = fixedWindow({ limit: 5, windowMs: 3_600_000 });
      const key = context.key();
      const early = await context.peer();
      await context.ask(key, limit, { kind: 'consume', cost: 2 });
      const unseen = 'another store does not see what the first charged (does openPeer open the same data?)';
      assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 1 }, early)).remaining, 2, unseen);
      const late = await context.peer();
      assert.equal((await context.ask(key, limit, { kind: 'peek', cost: 1 }, late)).remaining, 2, unseen);
      await early.close();
      assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 2 }, late)).remaining, 0);
      assert.equal((await context.ask(key, limit, { kind: 'consume', cost: 1 })).allowed, false);
    },
  },
  {
    id: 'record/setup-at-once',
    title: 'ten setups at once, and one more on a store in use, all succeed and lose nothing',
    unless: (context) =>
      context.fixture.setup === 'none' ? 'the store has nothing to set up' : withoutHook(context, 'setup'),
    async run(context) {
      const setup = context.fixture.setup as () => Promise<void>;
      const limit = fixedWindow({ limit: 5, windowMs: 3_600_000 });
      const key = context.key();
      await context.ask(key, limit, { kind: 'consume', cost: 2 });
      await Promise.all(Array.from({ length: 10 }, () => setup.call(context.fixture)));
      await setup.call(context.fixture);
      assert.equal((await context.ask(key, limit, { kind: 'peek', cost: 1 })).remaining, 3);
    },
  },
  {
    id: 'record/close-twice',
    title: 'a store is closed twice without harm, and a call under way then still ends, with an answer or a StoreError',
    async run(context) {
      const limit = fixedWindow({ limit: 5, windowMs: 3_600_000 });
      const stores = context.fixture.openPeer ? [await context.peer(), context.store] : [context.store];
      for (const store of stores) {
        const call = store
          .decide([{ key: context.key(), limits: [limit], ops: [{ kind: 'consume', cost: 1 }] }], {})
          .then(
            ([result]) => (result && 'error' in result ? result.error : undefined),
            (error: unknown) => error,
          );
        await Promise.all([store.close(), store.close()]);
        await store.close();
        const error = await call;
        if (error !== undefined) assert.match(String((error as { code?: unknown }).code), /^HEADGATE_(STORE|CLOSED)/);
      }
    },
  },
];
