import { hostname } from 'node:os';
import { systemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import { Emitter } from '../hooks/emitter.js';
import type { HookEvents } from '../hooks/events.js';
import { checkKey, checkName } from '../keys.js';
import { booleanOption, durationMs, functionOption, integerIn, invalid, optionsObject } from '../validate.js';
import type { LocksOptions } from './api.js';
import type { LockStore } from './contract.js';

/** Shortest ttl accepted, milliseconds: below it, a deadline less drift is within the noise of timers. */
export const minTtlMs = 10;

const defaults = {
  renew: true,
  timeoutMs: 2_000,
  pollMs: { notify: 1_000, poll: 250 },
  passOn: { maxLeases: 16, maxMs: 100 },
  maxQueue: 100_000,
} as const;

/** Options of a lock manager, checked and with every default filled in. */
export interface Settings {
  readonly name: string;
  readonly store: LockStore;
  readonly ttlMs: number;
  readonly renew: boolean;
  readonly driftMs: number | undefined;
  readonly timeoutMs: number;
  readonly pollMs: number;
  readonly passOn: { readonly maxLeases: number; readonly maxMs: number };
  readonly ownerId: string;
  readonly maxQueue: number;
  readonly emitter: Emitter;
  readonly clock: Clock;
  /** What every event of this manager carries. */
  readonly labels: Labels;
  /** Tells hooks of an event; `make` is asked for what it holds beside the labels only when somebody listens. */
  tell<N extends keyof LockEvents>(hook: N, make: () => LockEvents[N]): void;
}

interface Labels {
  readonly lock: string;
  readonly store: string;
}

/** The events that carry a lock manager's labels, without them. */
type LockEvents = {
  [N in keyof HookEvents as HookEvents[N] extends Labels ? N : never]: Omit<HookEvents[N], keyof Labels>;
};

/** Checks the options of `createLocks` and fills in the defaults; touches no store. */
export function resolveSettings(options: LocksOptions): Settings {
  optionsObject('options', options, {
    ...defaults,
    name: 0,
    store: 0,
    ttlMs: 0,
    driftMs: 0,
    ownerId: 0,
    hooks: 0,
    clock: 0,
  });
  const store = checkStore(options.store);
  const passOn = optionsObject('passOn', options.passOn ?? {}, defaults.passOn);
  const name = checkName('name', options.name);
  const ttlMs = durationMs('ttlMs', options.ttlMs, minTtlMs);
  const driftMs = options.driftMs === undefined ? undefined : durationMs('driftMs', options.driftMs, 0);
  checkDrift(ttlMs, driftMs);
  const emitter = new Emitter(options.hooks);
  const labels = { lock: name, store: store.name };
  return {
    name,
    store,
    ttlMs,
    renew: booleanOption('renew', options.renew ?? defaults.renew),
    driftMs,
    timeoutMs: durationMs('timeoutMs', options.timeoutMs ?? defaults.timeoutMs),
    pollMs: durationMs('pollMs', options.pollMs ?? defaults.pollMs[store.capabilities.wake]),
    passOn: {
      maxLeases: integerIn('passOn.maxLeases', passOn.maxLeases ?? defaults.passOn.maxLeases, 1, 1_000),
      maxMs: durationMs('passOn.maxMs', passOn.maxMs ?? defaults.passOn.maxMs),
    },
    ownerId: checkOwner('ownerId', options.ownerId ?? `${hostname()}:${process.pid}:${randomPart()}`),
    maxQueue: integerIn('maxQueue', options.maxQueue ?? defaults.maxQueue, 1),
    emitter,
    clock: options.clock ?? systemClock,
    labels,
    tell(hook, make) {
      if (emitter.wants(hook)) emitter.emit(hook, { ...labels, ...make() } as HookEvents[typeof hook]);
    },
  };
}

/** What is taken off a deadline of `ttlMs`, milliseconds. */
export function driftFor(settings: Settings, ttlMs: number): number {
  return settings.driftMs ?? 1 + Math.ceil(ttlMs / 1_000);
}

/** Refuses a ttl that the configured drift would use up. */
export function checkDrift(ttlMs: number, driftMs: number | undefined): void {
  if (driftMs !== undefined && driftMs >= ttlMs) throw invalid('driftMs', `less than \`ttlMs\` (${ttlMs})`, driftMs);
}

/** Returns `value` when it can name an owner: well-formed, 1 to 255 bytes of UTF-8. */
export function checkOwner(name: string, value: unknown): string {
  const owner = checkKey(name, value);
  if (Buffer.byteLength(owner) > 255) throw invalid(name, 'at most 255 bytes', value);
  return owner;
}

/** 64 random bits, as text. */
export function randomPart(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(2)), (word) => word.toString(36)).join('');
}

function checkStore(store: LockStore): LockStore {
  const given: unknown = store;
  if (typeof given !== 'object' || given === null) throw invalid('store', 'a lock store', given);
  for (const method of [
    'acquire',
    'cancelWait',
    'extend',
    'release',
    'inspect',
    'list',
    'releaseSession',
    'forceRelease',
  ] as const) {
    functionOption(`store.${method}`, store[method]);
  }
  return store;
}
