import { describe, expect, it } from 'vitest';
import { checkLockStore } from '../../src/locks/suite.js';
import { type LockFault, replaced } from './broken/fault.js';
import { ownerFaults } from './broken/owner-faults.js';
import { sharingFaults } from './broken/sharing-faults.js';
import { timeFaults } from './broken/time-faults.js';
import { tokenFaults } from './broken/token-faults.js';
import { viewFaults } from './broken/view-faults.js';
import { remoteFaults } from './broken/remote-faults.js';
import { memoryFixture } from './memory-fixture.js';
import { SimulatedServer } from './simulated-server.js';
import type { LockFixture, LockStoreRequest } from '../../src/locks/fixture.js';
import type { Faults } from '../../src/suite/faults.js';

const traces = 'traces/answers-fit-the-model';

interface Setting {
  readonly faults: Faults;
  createStore(request: LockStoreRequest): LockFixture;
}

function inMemory({ breakStore }: LockFault): Setting {
  const createStore = (request: LockStoreRequest): LockFixture => {
    const { store, clock } = memoryFixture(request);
    const broken = replaced(store, breakStore(store, clock));
    return clock ? { store: broken, clock } : { store: broken };
  };
  return { faults: {}, createStore };
}

function remote({ breakStore }: LockFault): Setting {
  const server = new SimulatedServer();
  const connect = (): LockFixture['store'] => {
    const store = server.connect();
    return replaced(store, breakStore(store, undefined));
  };
  return { faults: server.faults, createStore: () => ({ store: connect(), openPeer: connect }) };
}

const inMemoryFaults = [...ownerFaults, ...timeFaults, ...tokenFaults, ...sharingFaults, ...viewFaults];
const table: string[] = [];

// Which of the properties that must catch the fault let it pass, or failed by breaking down rather than by their claim.
async function uncaught({ fault, caughtBy, traces: byTraces = false }: LockFault, setting: Setting): Promise<string[]> {
  const only = byTraces ? [caughtBy, traces] : [caughtBy];
  const report = await checkLockStore({ seed: 20_261, only, ...setting });
  const wrong = report.results.filter(
    ({ verdict, reason = '' }) => verdict !== 'fail' || /is not a function|Cannot read/.test(reason),
  );
  if (wrong.length === 0) table.push(`| ${fault} | \`${caughtBy}\` | ${byTraces ? 'yes' : ''} |`);
  return wrong.map(({ id, verdict, reason }) => `${id}: ${reason ?? verdict}`);
}

describe('lock stores broken on purpose', () => {
  for (const fault of inMemoryFaults) {
    it(`${fault.fault}: ${fault.caughtBy}`, async () => {
      expect(await uncaught(fault, inMemory(fault))).toEqual([]);
    }, 60_000);
  }
  for (const fault of remoteFaults) {
    // These mostly wait.
    it.concurrent(`${fault.fault}: ${fault.caughtBy}`, async () => {
      expect(await uncaught(fault, remote(fault))).toEqual([]);
    }, 60_000);
  }

  it('are at least forty, each different, and make a table', () => {
    const faults = [...inMemoryFaults, ...remoteFaults];
    expect(new Set(faults.map(({ fault }) => fault)).size).toBe(faults.length);
    expect(faults.length).toBeGreaterThanOrEqual(40);
    expect(table.length, 'a row for each that was caught').toBe(faults.length);
    console.log(['| Fault | Caught by | Traces too |', '| --- | --- | --- |', ...table].join('\n'));
  });
});
