import { createManualClock, InvalidArgumentError } from '@headgate/core';
import { memoryLimiterStore, memoryLockStore } from '@headgate/memory';
import { describe, expect, it } from 'vitest';
import { checkLimiterStore, checkLockStore, limiterConformance, lockConformance } from '../index.js';

// What plain JavaScript lets through: none of these compile.
const limiter = { only: ['cost/burst'], createStore: () => ({ store: memoryLimiterStore() }) };
const lock = { only: ['core/second-attempt-names-the-holder'], createStore: () => ({ store: memoryLockStore() }) };
const unused = (): never => expect.unreachable('nothing is registered');
const runner = { describe: unused, it: unused };

const suites = {
  limiterConformance: async (more: object) => limiterConformance({ ...runner, ...limiter, ...more }),
  lockConformance: async (more: object) => lockConformance({ ...runner, ...lock, ...more }),
  checkLimiterStore: (more: object) => checkLimiterStore({ ...limiter, ...more }),
  checkLockStore: (more: object) => checkLockStore({ ...lock, ...more }),
};

describe.each(Object.entries(suites))('%s', (_name, run) => {
  it.each([
    [{ onyl: ['cost'] }, 'onyl', 'only'],
    [{ fault: { kill: async () => {} } }, 'fault', 'faults'],
    [{ createstore: () => {} }, 'createstore', 'createStore'],
    [{ faults: { restart: async () => {} } }, 'faults.restart', 'faults.restartStore'],
    [{ faults: { dropReplies: async () => {} } }, 'faults.dropReplies', 'faults.dropReply'],
  ])('refuses %o', async (more, wrong, meant) => {
    const refused = run(more);
    await expect(refused).rejects.toThrow(InvalidArgumentError);
    await expect(refused).rejects.toThrow(`Unknown option \`${wrong}\`; did you mean \`${meant}\`?`);
  });

  it.each([
    [{ createStore: memoryLimiterStore() }, 'Expected `createStore` to be a function'],
    [{ medium: 'ram' }, "Expected `medium` to be one of 'server', 'disk', 'process'"],
    [{ faults: () => ({}) }, 'Expected `faults` to be an options object'],
    [{ faults: null }, 'Expected `faults` to be set or left out'],
    [{ seed: 1.5 }, 'Expected the seed to be an integer'],
  ])('refuses %o', async (more, message) => {
    await expect(run(more)).rejects.toThrow(message);
  });
});

describe('a fixture', () => {
  it('with a hook that does not exist fails each property and names the one that is meant', async () => {
    const reasons = await Promise.all([
      checkLimiterStore({ ...limiter, createStore: () => ({ ...limiter.createStore(), opnPeer: () => {} }) }),
      checkLockStore({ ...lock, createStore: () => ({ ...lock.createStore(), programm: {} }) }),
    ]);
    expect(reasons.map(({ results }) => results.map(({ verdict, reason }) => [verdict, reason]))).toEqual([
      [['fail', 'Unknown option `fixture.opnPeer`; did you mean `fixture.openPeer`?']],
      [['fail', 'Unknown option `fixture.programm`; did you mean `fixture.program`?']],
    ]);
  });

  it('with every hook that exists is taken', async () => {
    const nothing = async (): Promise<void> => {};
    const program = { file: new URL('file:///never-started.mjs') };
    const reports = await Promise.all([
      checkLimiterStore({
        ...limiter,
        createStore: () => {
          const store = memoryLimiterStore();
          const openPeer = () => store;
          const records = async () => [];
          const hooks = { openPeer, records, size: () => 0, writeForeignRecord: nothing, failKey: nothing };
          return { store, ...hooks, setup: 'none', program, close: nothing };
        },
      }),
      checkLockStore({
        ...lock,
        createStore: () => {
          const clock = createManualClock();
          const store = memoryLockStore({ clock });
          return { store, clock, openPeer: () => store, program, close: () => store.close() };
        },
      }),
    ]);
    expect(reports.map(({ results }) => results.map(({ verdict }) => verdict))).toEqual([['pass'], ['pass']]);
  });
});
