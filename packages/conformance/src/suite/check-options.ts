import { invalid, oneOf, optionsObject } from '@headgate/core';
import type { OptionNames } from '@headgate/core';
import type { Faults } from './faults.js';
import type { SuiteOptions } from './suite.js';
import type { TestApi } from './test-api.js';

type Options = SuiteOptions & Partial<TestApi> & { readonly createStore: unknown };

const optionNames: OptionNames<Options> = {
  describe: 0,
  it: 0,
  createStore: 0,
  faults: 0,
  medium: 0,
  seed: 0,
  report: 0,
  version: 0,
  only: 0,
  print: 0,
};

const faultNames: OptionNames<Faults> = {
  kill: 0,
  pause: 0,
  resume: 0,
  restartStore: 0,
  dropConnections: 0,
  blackhole: 0,
  heal: 0,
  dropReply: 0,
  skewClock: 0,
  wipe: 0,
  counters: 0,
};

/**
 * Refuses options of a suite that do not exist, and faults that do not: what is misspelt would be left out without a word, and with it the properties
 * that need it. Throws core's `InvalidArgumentError`.
 */
export function checkSuiteOptions(options: Options): void {
  const { createStore, faults, medium } = optionsObject('options', options, optionNames);
  if (typeof createStore !== 'function') throw invalid('createStore', 'a function', createStore);
  if (medium !== undefined) oneOf('medium', medium, ['server', 'disk', 'process']);
  if (faults !== undefined) optionsObject('faults', faults, faultNames);
}
