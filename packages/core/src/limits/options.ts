import { systemClock } from '../clock.js';
import { checkName } from '../keys.js';
import { booleanOption, durationMs, functionOption, integerIn, invalid, oneOf, optionsObject } from '../validate.js';
import { shareRatio } from './share.js';
import type { Clock } from '../clock.js';
import type { Hooks } from '../hooks/events.js';
import type { LimiterOptions, StoreFailureMode } from './api.js';
import type { BreakerSettings } from './breaker.js';
import type { LimiterStore } from './contract.js';
import type { DenyCacheSettings } from './deny-cache.js';
import type { ShareRatio } from './share.js';

/** Every default of a limiter in one place. */
const defaults = {
  timeoutMs: 1000,
  fallback: { store: undefined, share: 1, reconcile: false },
  breaker: { failures: 5, openMs: 1000, maxOpenMs: 30_000 },
  denyCache: { maxMs: 1000, maxKeys: 10_000 },
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
  readonly breaker: BreakerSettings;
  readonly denyCache: DenyCacheSettings | undefined;
}

/** Checks everything but `limits`, which need the result. */
export function checkLimiterOptions(options: LimiterOptions): CheckedLimiterOptions {
  optionsObject('options', options, {
    ...defaults,
    name: 0,
    store: 0,
    limits: 0,
    onStoreFailure: 0,
    hooks: 0,
    clock: 0,
  });
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
    throw invalid('onStoreFailure', "'fallback' when a `fallback` is given, and only then", mode);
  }
  return {
    name,
    store,
    clock: checkClock(options.clock ?? systemClock),
    hooks: options.hooks,
    timeoutMs: durationMs('timeoutMs', options.timeoutMs ?? defaults.timeoutMs),
    maxInFlight: integerIn('maxInFlight', options.maxInFlight ?? defaults.maxInFlight, 1, 8),
    maxQueue: integerIn('maxQueue', options.maxQueue ?? defaults.maxQueue, 1, mostEntries),
    mode,
    fallback: fallback === undefined ? undefined : checkFallback(fallback, store),
    breaker: checkBreaker(options.breaker ?? {}),
    denyCache: denyCache === undefined ? undefined : checkDenyCache(denyCache),
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
  for (const method of ['nowUs', 'monotonicMs', 'setTimer'] as const) functionOption(`clock.${method}`, clock[method]);
  return clock;
}

function checkDenyCache(denyCache: NonNullable<LimiterOptions['denyCache']>): CheckedLimiterOptions['denyCache'] {
  const { maxMs, maxKeys } = optionsObject('denyCache', denyCache, defaults.denyCache);
  return {
    maxMs: durationMs('denyCache.maxMs', maxMs ?? defaults.denyCache.maxMs),
    maxKeys: integerIn('denyCache.maxKeys', maxKeys ?? defaults.denyCache.maxKeys, 1, mostEntries),
  };
}

function checkFallback(
  fallback: NonNullable<LimiterOptions['fallback']>,
  store: LimiterStore,
): CheckedLimiterOptions['fallback'] {
  optionsObject('fallback', fallback, defaults.fallback);
  if (fallback.store === store) throw invalid('fallback.store', 'another store than `store`', fallback.store);
  return {
    store: checkStore('fallback.store', fallback.store),
    ratio: shareRatio('fallback.share', fallback.share ?? defaults.fallback.share),
    reconcile: booleanOption('fallback.reconcile', fallback.reconcile ?? defaults.fallback.reconcile),
  };
}

function checkBreaker(breaker: NonNullable<LimiterOptions['breaker']>): CheckedLimiterOptions['breaker'] {
  optionsObject('breaker', breaker, defaults.breaker);
  const openMs = durationMs('breaker.openMs', breaker.openMs ?? defaults.breaker.openMs);
  return {
    failures: integerIn('breaker.failures', breaker.failures ?? defaults.breaker.failures, 1),
    openMs,
    maxOpenMs: durationMs(
      'breaker.maxOpenMs',
      breaker.maxOpenMs ?? Math.max(openMs, defaults.breaker.maxOpenMs),
      openMs,
    ),
  };
}
