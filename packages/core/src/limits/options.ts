import { systemClock } from '../clock.js';
import { checkName } from '../keys.js';
import { durationMs, functionOption, integerIn, invalid, oneOf, optionsObject } from '../validate.js';
import { shareRatio } from './share.js';
import type { Clock } from '../clock.js';
import type { Hooks } from '../hooks/events.js';
import type { LimiterOptions, StoreFailureMode } from './api.js';
import type { LimiterStore } from './contract.js';
import type { ShareRatio } from './share.js';

/** Every default of a limiter in one place. */
const defaults = {
  timeoutMs: 1000,
  share: 1,
  failures: 5,
  openMs: 1000,
  maxOpenMs: 30_000,
  denyMaxMs: 1000,
  denyMaxKeys: 10_000,
  maxInFlight: 2,
  maxQueue: 100_000,
} as const;

/** A map holds about 2^24 entries; nothing bounded by one may be asked to hold more. */
const mostEntries = 2 ** 24;

/** A limiter's options, checked and with every default in place. */
export interface CheckedLimiterOptions {
  readonly name: string;
  readonly store: LimiterStore;
  readonly clock: Clock;
  readonly hooks: Hooks | undefined;
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly maxQueue: number;
  readonly mode: StoreFailureMode;
  readonly fallback:
    | { readonly store: LimiterStore; readonly ratio: ShareRatio; readonly reconcile: boolean }
    | undefined;
  readonly breaker: { readonly failures: number; readonly openMs: number; readonly maxOpenMs: number };
  readonly denyCache: { readonly maxMs: number; readonly maxKeys: number } | undefined;
}

/** Checks everything but `limits`, which need the result. */
export function checkLimiterOptions(options: LimiterOptions): CheckedLimiterOptions {
  optionsObject('options', options);
  const name = checkName('name', options.name);
  const store = checkStore('store', options.store);
  const { fallback, denyCache } = options;
  const mode = oneOf('onStoreFailure', options.onStoreFailure ?? (fallback === undefined ? 'throw' : 'fallback'), [
    'fallback',
    'open',
    'closed',
    'throw',
  ]);
  if ((mode === 'fallback') !== (fallback !== undefined)) {
    throw invalid(
      'onStoreFailure',
      fallback !== undefined ? "'fallback', since a `fallback` is given" : 'another mode, since no `fallback` is given',
      mode,
    );
  }
  return {
    name,
    store,
    clock: checkClock(options.clock ?? systemClock),
    hooks: checkHooks(options.hooks),
    timeoutMs: durationMs('timeoutMs', options.timeoutMs ?? defaults.timeoutMs),
    maxInFlight: integerIn('maxInFlight', options.maxInFlight ?? defaults.maxInFlight, 1, 8),
    maxQueue: integerIn('maxQueue', options.maxQueue ?? defaults.maxQueue, 1, mostEntries),
    mode,
    fallback: fallback === undefined ? undefined : checkFallback(fallback, store),
    breaker: checkBreaker(options.breaker ?? {}),
    denyCache: denyCache && {
      maxMs: durationMs('denyCache.maxMs', optionsObject('denyCache', denyCache).maxMs ?? defaults.denyMaxMs),
      maxKeys: integerIn('denyCache.maxKeys', denyCache.maxKeys ?? defaults.denyMaxKeys, 1, mostEntries),
    },
  };
}

function checkStore(option: string, store: LimiterStore): LimiterStore {
  if (typeof store !== 'object' || store === null || typeof store.decide !== 'function' || !store.capabilities) {
    throw invalid(option, 'a LimiterStore', store);
  }
  checkName(`${option}.name`, store.name);
  return store;
}

function checkClock(clock: Clock): Clock {
  optionsObject('clock', clock);
  functionOption('clock.nowUs', clock.nowUs);
  functionOption('clock.monotonicMs', clock.monotonicMs);
  functionOption('clock.setTimer', clock.setTimer);
  return clock;
}

function checkHooks(hooks: Hooks | undefined): Hooks | undefined {
  if (hooks === undefined) return undefined;
  for (const [hook, listener] of Object.entries(optionsObject('hooks', hooks))) {
    if (listener !== undefined) functionOption(`hooks.${hook}`, listener);
  }
  return hooks;
}

function checkFallback(
  fallback: NonNullable<LimiterOptions['fallback']>,
  store: LimiterStore,
): CheckedLimiterOptions['fallback'] {
  optionsObject('fallback', fallback);
  if (fallback.store === store) throw invalid('fallback.store', 'another store than `store`', fallback.store);
  const reconcile = fallback.reconcile ?? false;
  if (typeof reconcile !== 'boolean') throw invalid('fallback.reconcile', 'a boolean', reconcile);
  return {
    store: checkStore('fallback.store', fallback.store),
    ratio: shareRatio('fallback.share', fallback.share ?? defaults.share),
    reconcile,
  };
}

function checkBreaker(breaker: NonNullable<LimiterOptions['breaker']>): CheckedLimiterOptions['breaker'] {
  optionsObject('breaker', breaker);
  const openMs = durationMs('breaker.openMs', breaker.openMs ?? defaults.openMs);
  return {
    failures: integerIn('breaker.failures', breaker.failures ?? defaults.failures, 1),
    openMs,
    maxOpenMs: durationMs('breaker.maxOpenMs', breaker.maxOpenMs ?? Math.max(openMs, defaults.maxOpenMs), openMs),
  };
}
