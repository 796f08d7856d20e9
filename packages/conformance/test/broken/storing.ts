import { decideStep } from '@headgate/core';
import { manualClock } from '../../src/index.js';
import { fixtureOf, referenceLimiterStore } from '../reference-limiter-store.js';
import { broken } from './broken-store.js';
import type { LimiterAnswerNow, LimiterRecord, LimiterStore } from '@headgate/core';
import type { RawRecord } from '../../src/index.js';
import type { Records } from '../reference-limiter-store.js';
import type { BrokenStore } from './broken-store.js';

/** A store that reads, waits for its medium, and writes what it made of what it read. */
function readThenWrite(records: Records, mayInsert: (key: string) => boolean): (store: LimiterStore) => LimiterStore {
  return (store) => ({
    ...store,
    decide: async (steps, call) => {
      const read = steps.map(({ key }) => records.get(key));
      await Promise.resolve();
      return Promise.all(
        steps.map(async (step, i) => {
          const stale = read[i];
          if (stale) records.set(step.key, stale);
          else if (mayInsert(step.key)) records.delete(step.key);
          const [result] = await store.decide([step], call);
          if (!result) throw new Error('No result');
          return result;
        }),
      );
    },
  });
}

const raw =
  (change: (record: RawRecord) => RawRecord): BrokenStore['make'] =>
  () => {
    const fixture = broken();
    return { ...fixture, records: async () => ((await fixture.records?.()) ?? []).map(change) };
  };

/** Faults in what is stored, shared and raced for. */
export const storingFaults: readonly BrokenStore[] = [
  {
    fault: 'a read and a write with a gap between them',
    caughtBy: 'storm/admits-exactly-the-limit',
    make: () => {
      const records: Records = new Map();
      return broken(
        { records },
        readThenWrite(records, () => false),
      );
    },
  },
  {
    fault: 'first calls overwrite each other',
    caughtBy: 'storm/first-calls',
    make: () => {
      const records: Records = new Map();
      return broken(
        { records },
        readThenWrite(records, () => true),
      );
    },
  },
  {
    fault: 'a policy is checked limit by limit under a storm, with a gap',
    caughtBy: 'storm/policy',
    make: () => {
      const records: Records = new Map();
      return broken(
        { records },
        readThenWrite(records, () => true),
      );
    },
  },
  {
    fault: 'a batch writes back what it read before others wrote',
    caughtBy: 'storm/overlapping-batches',
    make: () => {
      const records: Records = new Map();
      return broken(
        { records },
        readThenWrite(records, () => false),
      );
    },
  },
  {
    fault: 'each store counts for itself',
    caughtBy: 'record/shared',
    make: () => {
      const fixture = broken();
      return { ...fixture, openPeer: () => referenceLimiterStore({ clock: manualClock() }) };
    },
  },
  {
    fault: 'two stores count for themselves under a storm at a window edge',
    caughtBy: 'storm/window-edge',
    make: () => {
      const clock = manualClock();
      const store = referenceLimiterStore({ clock });
      return fixtureOf(store, store.records, { clock, openPeer: () => referenceLimiterStore({ clock }) });
    },
  },
  {
    fault: 'a peer decides by a cache of its own',
    caughtBy: 'model/two-stores',
    make: () => {
      const clock = manualClock();
      const store = referenceLimiterStore({ clock });
      return fixtureOf(store, store.records, {
        clock,
        openPeer: () => referenceLimiterStore({ clock, records: new Map(store.records) }),
      });
    },
  },
  {
    fault: 'a denial writes the time of the last call',
    caughtBy: 'record/denials-and-peeks-write-nothing',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) => {
          const outcome = decideStep(record, limits, ops, nowUs);
          const touched: LimiterRecord = {
            version: 1,
            blockedUntilUs: 0,
            entries: [],
            ...outcome.record,
            lastUs: nowUs,
          };
          return outcome.changed ? outcome : { ...outcome, changed: true, record: touched };
        },
      }),
  },
  {
    fault: 'records never expire',
    caughtBy: 'record/expires',
    make: raw((record) => ({ ...record, expiresAtMs: undefined })),
  },
  {
    fault: 'records expire at the end of the window, though there is a debt or a block',
    caughtBy: 'record/expires',
    make: raw((record) => ({
      ...record,
      expiresAtMs: Math.min(record.expiresAtMs ?? 0, 1_767_225_600_000 + 3_600_000),
    })),
  },
  {
    fault: 'records expire by seconds rounded down',
    caughtBy: 'record/expires',
    make: raw((record) => ({ ...record, expiresAtMs: Math.floor((record.expiresAtMs ?? 0) / 1000) * 1000 })),
  },
  {
    fault: 'a reset leaves an empty record',
    caughtBy: 'record/reset-removes',
    make: () =>
      broken({
        decide: (record, limits, ops, nowUs) => {
          const outcome = decideStep(record, limits, ops, nowUs);
          const empty: LimiterRecord = { version: 1, lastUs: nowUs, blockedUntilUs: 0, entries: [] };
          return outcome.changed && !outcome.record ? { ...outcome, record: empty } : outcome;
        },
      }),
  },
  {
    fault: 'a record that is not understood is started anew',
    caughtBy: 'record/unknown-version',
    make: () => {
      const records: Records = new Map();
      return broken({ records }, (store) => ({
        ...store,
        decide: (steps, call) => {
          for (const { key } of steps)
            if ((records.get(key)?.version as number | undefined) === 99) records.delete(key);
          return store.decide(steps, call);
        },
      }));
    },
  },
  {
    fault: 'a second setup empties the table',
    caughtBy: 'record/setup-at-once',
    make: () => {
      const records: Records = new Map();
      return { ...broken({ records }), setup: async () => records.clear() };
    },
  },
  {
    fault: 'a store cannot be closed twice',
    caughtBy: 'record/close-twice',
    make: () =>
      broken({}, (store) => {
        let closed = false;
        return {
          ...store,
          close: async () => {
            if (closed) throw new Error('already closed');
            closed = true;
          },
        };
      }),
  },
  {
    fault: 'records outlive their removal lag',
    caughtBy: 'record/removed-in-time',
    make: () => broken({}, (store) => ({ ...store, capabilities: { ...store.capabilities, removalLagMs: 1000 } })),
  },
  {
    fault: 'decideNow rounds what decide does not',
    caughtBy: 'model/decide-now',
    make: () =>
      broken({}, (store) => ({
        ...store,
        decideNow: (...call) => {
          const answer = store.decideNow?.(...call);
          if (!answer) throw new Error('No decideNow');
          return { ...answer, retryAtUs: Math.ceil(answer.retryAtUs / 1000) * 1000 };
        },
      })),
  },
  {
    fault: 'decideNow fills in one answer again and again',
    caughtBy: 'model/decide-now',
    make: () => {
      const answer = {} as LimiterAnswerNow;
      return broken({}, (store) => ({
        ...store,
        decideNow: (...call) => Object.assign(answer, store.decideNow?.(...call)),
      }));
    },
  },
];
