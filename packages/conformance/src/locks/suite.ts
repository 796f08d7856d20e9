import type { ConformanceReport } from '../report/report.js';
import { checkSuiteOptions } from '../suite/check-options.js';
import { chooseSeed } from '../suite/random.js';
import { registerSuite, runSuite, type Suite, type SuiteOptions } from '../suite/suite.js';
import type { TestApi } from '../suite/test-api.js';
import type { LockFixture, LockStoreRequest } from './fixture.js';
import { type LockTest, openLockTest } from './lock-test.js';
import { lockProperties } from './properties/index.js';

/** Options of {@link checkLockStore}. */
export interface LockSuiteOptions extends SuiteOptions {
  /** Makes a store for one property; what it makes is closed when the property ends. Properties that move time ask for `moved` on top. */
  readonly createStore: (request: LockStoreRequest) => LockFixture | Promise<LockFixture>;
}

/** Options of {@link lockConformance}: a test runner's `describe` and `it`, and the store. */
export interface LockConformanceOptions extends LockSuiteOptions, TestApi {}

/**
 * Registers every property of a lock store with a test runner, one test each, and a last test that prints a summary and writes the report. Works under
 * any runner whose tests run one after another. Throws core's `InvalidArgumentError` for an option that does not exist.
 */
export function lockConformance(options: LockConformanceOptions): void {
  registerSuite(lockSuite(options), options);
}

/** Holds a lock store to every property without a test runner; resolves to the report, whatever the verdicts. */
export async function checkLockStore(options: LockSuiteOptions): Promise<ConformanceReport> {
  return runSuite(lockSuite(options), options);
}

function lockSuite(options: LockSuiteOptions): Suite<LockTest> {
  checkSuiteOptions(options);
  const seed = chooseSeed(options.seed);
  return {
    name: 'lock',
    properties: lockProperties,
    seed,
    open: async () => {
      const { test, close } = await openLockTest({
        createStore: options.createStore,
        seed,
        faults: options.faults ?? {},
        medium: options.medium ?? 'server',
      });
      const { name, clock, capabilities } = test.store;
      return { context: test, identity: { name, clock, capabilities: { ...capabilities } }, close };
    },
  };
}
