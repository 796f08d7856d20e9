import { checkClock, systemClock } from '../clock.js';
import { Emitter } from '../hooks/emitter.js';
import { checkName } from '../keys.js';
import { booleanOption, checkOptions, durationMs, integer, invalid, oneOf, optional } from '../validate.js';
import { shareRatio } from './share.js';
import type { Clock } from '../clock.js';
import type { Hooks } from '../hooks/events.js';
import type { LimiterOptions, StoreFailureMode } from './api.js';
import type { BreakerSettings } from './breaker.js';
import type { LimiterStore } from './contract.js';
import type { DenyCacheSettings } from './deny-cache.js';
import type { ShareRatio } from './share.js';
import type { Checks } from '../validate.js';

/** A map holds about 2^24 entries; nothing bounded by one may be asked to hold more. */
const mostEntries = 2 ** 24;

const modes: readonly StoreFailureMode[] = ['fallback', 'open', 'closed', 'throw'];

const fallbackChecks = {
  store: checkStore,
  share: (name: string, share: unknown = 1) => shareRatio(name, share),
  reconcile: optional(booleanOption, false),
};

const breakerChecks = {
  failures: optional(integer(1), 5),
  openMs: optional(durationMs, 1_000),
  maxOpenMs: optional(durationMs, undefined),
};

const denyCacheChecks = {
  maxMs: optional(durationMs, 1_000),
  maxKeys: optional(integer(1, mostEntries), 10_000),
};

const checks = {
  name: checkName,
  store: checkStore,
  /** They need the other options, and are checked by a {@link PolicyChecker}. */
  limits: (_name: string, limits: unknown) => limits as LimiterOptions['limits'],
  timeoutMs: optional(durationMs, 1_000),
  onStoreFailure: optional((name, mode) => oneOf(name, mode, modes), undefined),
  fallback: optional((name, fallback) => checkOptions(name, fallback as object, fallbackChecks), undefined),
  breaker: (name: string, breaker: unknown = {}) => checkBreaker(name, breaker as object),
  denyCache: optional((name, cache) => checkOptions(name, cache as object, denyCacheChecks), undefined),
  maxInFlight: optional(integer(1, 8), 2),
  maxQueue: optional(integer(1, mostEntries), 100_000),
  hooks: (_name: string, hooks: unknown) => new Emitter(hooks as Hooks | undefined),
  clock: optional(checkClock, systemClock),
} satisfies Checks<{ [K in keyof LimiterOptions]-?: unknown }>;

/** A limiter's options, checked and with every default in place. */
export interface CheckedLimiterOptions {
  readonly name: string;
  readonly store: LimiterStore;
  readonly limits: LimiterOptions['limits'];
  readonly clock: Clock;
  readonly emitter: Emitter;
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly maxQueue: number;
  readonly mode: StoreFailureMode;
  readonly fallback:
    | { readonly store: LimiterStore; readonly share: ShareRatio; readonly reconcile: boolean }
    | undefined;
  readonly breaker: BreakerSettings;
  readonly denyCache: DenyCacheSettings | undefined;
}

/** Checks everything but `limits`, which need the result. */
export function checkLimiterOptions(options: LimiterOptions): CheckedLimiterOptions {
  const { onStoreFailure, hooks: emitter, ...checked } = checkOptions('options', options, checks);
  const { fallback, store } = checked;
  const mode = onStoreFailure ?? (fallback ? 'fallback' : 'throw');
  if ((mode === 'fallback') !== (fallback !== undefined)) {
    throw invalid('onStoreFailure', "'fallback' when a `fallback` is given, and only then", mode);
  }
  if (fallback?.store === store) throw invalid('fallback.store', 'another store than `store`', store);
  return { ...checked, mode, emitter };
}

function checkStore(name: string, value: unknown): LimiterStore {
  const store = value as LimiterStore | null;
  if (typeof store !== 'object' || typeof store?.decide !== 'function' || !store.capabilities) {
    throw invalid(name, 'a LimiterStore', value);
  }
  checkName(`${name}.name`, store.name);
  return store;
}

function checkBreaker(name: string, breaker: object): BreakerSettings {
  const { maxOpenMs, ...checked } = checkOptions(name, breaker, breakerChecks);
  const { openMs } = checked;
  return { ...checked, maxOpenMs: durationMs(`${name}.maxOpenMs`, maxOpenMs ?? Math.max(openMs, 30_000), openMs) };
}
