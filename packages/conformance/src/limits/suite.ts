import { checkFixture } from '../suite/check-fixture.js';
import { checkSuiteOptions } from '../suite/check-options.js';
import { chooseSeed } from '../suite/random.js';
import { registerSuite, runSuite } from '../suite/suite.js';
import { limiterContext } from './context.js';
import { limiterProperties } from './properties/index.js';
import type { LimiterStore, OptionNames } from '@headgate/core';
import type { ConformanceReport } from '../report/report.js';
import type { Suite, SuiteOptions } from '../suite/suite.js';
import type { TestApi } from '../suite/test-api.js';
import type { LimiterContext } from './context.js';
import type { LimiterFixture } from './fixture.js';

/** Options of {@link checkLimiterStore}. */
export interface LimiterSuiteOptions extends SuiteOptions {
  /** Makes a store for one property; called once for each. What it makes is closed when the property ends. */
  readonly createStore: () => LimiterFixture | Promise<LimiterFixture>;
}

/** Options of {@link limiterConformance}: a test runner's `describe` and `it`, and the store. */
export interface LimiterConformanceOptions extends LimiterSuiteOptions, TestApi {}

/**
 * Registers every property of a limiter store with a test runner, one test each, and a last test that prints a summary and
 * writes the report. Works under any runner whose tests run one after another. Throws core's `InvalidArgumentError` for an option that does not exist.
 */
export function limiterConformance(options: LimiterConformanceOptions): void {
  registerSuite(limiterSuite(options), options);
}

/** Holds a limiter store to every property without a test runner; resolves to the report, whatever the verdicts. */
export async function checkLimiterStore(options: LimiterSuiteOptions): Promise<ConformanceReport> {
  return runSuite(limiterSuite(options), options);
}

const fixtureParts: OptionNames<LimiterFixture> = {
  store: 0,
  openPeer: 0,
  clock: 0,
  records: 0,
  size: 0,
  writeForeignRecord: 0,
  failKey: 0,
  setup: 0,
  program: 0,
  close: 0,
};

function limiterSuite(options: LimiterSuiteOptions): Suite<LimiterContext> {
  checkSuiteOptions(options);
  const seed = chooseSeed(options.seed);
  return {
    name: 'limiter',
    properties: limiterProperties,
    seed,
    open: async () => {
      const fixture = await options.createStore();
      checkFixture(fixture, fixtureParts);
      const { store } = fixture;
      const peers: LimiterStore[] = [];
      return {
        context: limiterContext(fixture, {
          faults: options.faults ?? {},
          medium: options.medium ?? 'server',
          seed,
          peers,
        }),
        identity: {
          name: store.name,
          clock: store.clock,
          capabilities: { ...store.capabilities, decideNow: store.decideNow !== undefined },
        },
        close: async () => {
          await Promise.all(peers.map((peer) => peer.close()));
          await (fixture.close ? fixture.close() : store.close());
        },
      };
    },
  };
}
