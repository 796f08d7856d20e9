import { hostname } from 'node:os';
import { checkClock, systemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import { Emitter } from '../hooks/emitter.js';
import type { HookEvents, Hooks } from '../hooks/events.js';
import { checkKey, checkName } from '../keys.js';
import {
  booleanOption,
  checkOptions,
  duration,
  durationMs,
  functionOption,
  integer,
  invalid,
  optional,
} from '../validate.js';
import type { Checks } from '../validate.js';
import type { LocksOptions } from './api.js';
import type { LockStore } from './contract.js';

/** Shortest ttl accepted, milliseconds: below it, a deadline less drift is within the noise of timers. */
export const minTtlMs = 10;

const defaultPollMs = { notify: 1_000, poll: 250 } as const;

const passOnChecks = {
  maxLeases: optional(integer(1, 1_000), 16),
  maxMs: optional(durationMs, 100),
};

const checks = {
  name: checkName,
  store: checkStore,
  ttlMs: duration(minTtlMs),
  renew: optional(booleanOption, true),
  driftMs: optional(duration(0), undefined),
  timeoutMs: optional(durationMs, 2_000),
  pollMs: optional(durationMs, undefined),
  passOn: (name: string, value: unknown = {}) => checkOptions(name, value as object, passOnChecks),
  ownerId: optional(checkOwner, undefined),
  maxQueue: optional(integer(1), 100_000),
  hooks: (_name: string, hooks: unknown) => new Emitter(hooks as Hooks | undefined),
  clock: optional(checkClock, systemClock),
} satisfies Checks<{ [K in keyof LocksOptions]-?: unknown }>;

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
  const { hooks: emitter, ...checked } = checkOptions('options', options, checks);
  const { name, store, ttlMs, driftMs, pollMs, ownerId } = checked;
  checkDrift(ttlMs, driftMs);
  const labels = { lock: name, store: store.name };
  return {
    ...checked,
    pollMs: pollMs ?? defaultPollMs[store.capabilities.wake],
    ownerId: ownerId ?? checkOwner('ownerId', `${hostname()}:${process.pid}:${randomPart()}`),
    emitter,
    labels,
    tell(hook, make) {
      if (emitter.wants(hook)) emitter.emit(hook, { ...labels, ...make() } as HookEvents[typeof hook]);
    },
  };
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

const storeMethods = [
  'acquire',
  'cancelWait',
  'extend',
  'release',
  'inspect',
  'list',
  'releaseSession',
  'forceRelease',
] as const;

function checkStore(name: string, value: unknown): LockStore {
  if (typeof value !== 'object' || value === null) throw invalid(name, 'a lock store', value);
  const store = value as LockStore;
  for (const method of storeMethods) functionOption(`${name}.${method}`, store[method]);
  return store;
}
