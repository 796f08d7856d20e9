import { describe, expect, it } from 'vitest';
import { checkLockStore } from '../../src/locks/suite.js';
import { type LockFault, replaced } from './broken/fault.js';
import { ownerFaults } from './broken/owner-faults.js';
import { sharingFaults } from './broken/sharing-faults.js';
import { timeFaults } from './broken/time-faults.js';
import { tokenFaults } from './broken/token-faults.js';
import { viewFaults } from './broken/view-faults.js';
import { memoryFixture } from './memory-fixture.js';

const faults: readonly LockFault[] = [...ownerFaults, ...timeFaults, ...tokenFaults, ...sharingFaults, ...viewFaults];
const traces = 'traces/answers-fit-the-model';

describe('lock stores broken on purpose', () => {
  const table: string[] = [];
  for (const { fault, caughtBy, traces: byTraces, breakStore } of faults) {
    it(`${fault}: ${caughtBy}${byTraces ? ', and traces' : ''}`, async () => {
      const report = await checkLockStore({
        seed: 20_261,
        only: byTraces ? [caughtBy, traces] : [caughtBy],
        createStore: (request) => {
          const { store, clock } = memoryFixture(request);
          const broken = replaced(store, breakStore(store, clock));
          return clock ? { store: broken, clock: clock } : { store: broken };
        },
      });
      for (const result of report.results) {
        expect(result, `${result.id} lets it pass`).toMatchObject({ verdict: 'fail' });
        expect(result.reason, 'it fails by a claim, not by breaking down').not.toMatch(
          /is not a function|Cannot read|no reply/,
        );
      }
      table.push(`| ${fault} | \`${caughtBy}\` | ${byTraces ? 'yes' : ''} |`);
    }, 60_000);
  }

  it('are at least twenty, each different, and make a table', () => {
    expect(new Set(faults.map(({ fault }) => fault)).size).toBe(faults.length);
    expect(faults.length).toBeGreaterThanOrEqual(20);
    console.log(['| Fault | Caught by | Traces too |', '| --- | --- | --- |', ...table].join('\n'));
  });
});
