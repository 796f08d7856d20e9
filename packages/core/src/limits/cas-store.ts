import { checkClock, systemClock } from '../clock.js';
import { StoreContendedError, StoreError } from '../errors.js';
import { checkName } from '../keys.js';
import { checkOptions, functionOption, integer, optional, optionsObject } from '../validate.js';
import type { Checks } from '../validate.js';
import { decideStep } from './decide.js';
import { decodeRecord, encodeRecord } from './record-codec.js';
import { recordFreshAtUs } from './record.js';
import { asStoreError } from './store-errors.js';
import type { Clock } from '../clock.js';
import type { LimiterCapabilities, LimiterResult, LimiterStep, LimiterStore } from './contract.js';

/** A stored value and whatever the medium compares it by: a revision number, an ETag, or the text itself. */
export interface CasEntry<Version> {
  readonly text: string;
  readonly version: Version;
}

/** One compare-and-swap. */
export interface CasChange<Version> {
  /** The version that must still be there; `undefined` when the key must still be absent. */
  readonly expected: Version | undefined;
  /** The text to store; `undefined` removes the key. */
  readonly text: string | undefined;
  /** Epoch milliseconds from which the record equals an absent one, for the medium's own expiry (round up); 0 for a removal. */
  readonly freshAtMs: number;
}

/** Options of {@link casLimiterStore}. */
export interface CasLimiterStoreOptions<Version> {
  /** The `store` label of every metric. */
  readonly name: string;
  /** Reads a key: strongly consistent, `undefined` when absent. A value that outlived its `freshAtMs` may be returned; it counts as absent. */
  load(key: string, options: { readonly signal?: AbortSignal }): Promise<CasEntry<Version> | undefined>;
  /**
   * Writes atomically if and only if the key still is as `change.expected` says. Resolves to `true` when written, to `false` when somebody else was faster.
   * Any doubt (a lost reply, a timeout) must be a rejection, never `false`: after `false` the step is decided and written again.
   */
  swap(key: string, change: CasChange<Version>, options: { readonly signal?: AbortSignal }): Promise<boolean>;
  /** Ends what the two functions opened, when it is theirs. */
  close?(): Promise<void>;
  /** Attempts per step before {@link StoreContendedError}; default 10. */
  readonly maxAttempts?: number | undefined;
  /** Overrides of the declared capabilities; defaults: logs of 1,000, batches of 100 steps, 1,000 operations a step, removal lag unbounded. */
  readonly capabilities?: Partial<LimiterCapabilities> | undefined;
  /** Decides, so its skew between processes is the store's; default: the system's. */
  readonly clock?: Clock | undefined;
}

const defaultCapabilities: LimiterCapabilities = {
  maxSlidingLogLimit: 1000,
  maxBatchSteps: 100,
  maxStepOps: 1000,
  removalLagMs: Infinity,
};

const checks = {
  name: checkName,
  load: functionOption,
  swap: functionOption,
  close: optional(functionOption, undefined),
  maxAttempts: optional(integer(1, 1000), 10),
  capabilities: (name: string, value: unknown = {}) => optionsObject(name, value as Partial<LimiterCapabilities>),
  clock: optional(checkClock, systemClock),
} satisfies Checks<{ [K in keyof CasLimiterStoreOptions<unknown>]-?: unknown }>;

const firstPauseMs = 2;
const longestPauseMs = 64;

/**
 * A complete {@link LimiterStore} over any medium with a consistent read and a compare-and-swap of text: two functions make a correct
 * adapter. A step costs one `load` and, only when something changed, one `swap`; when another writer was faster it is decided again after a jittered,
 * doubling pause, at most `maxAttempts` times, then the step's result is {@link StoreContendedError} and nothing was charged. A key's waiting callers
 * share one step, so contention is between processes only. Whatever `load` or `swap` reject with becomes the step's error and is never repeated.
 * A medium that can run code beside its data does better with an adapter of its own (one round trip).
 */
export function casLimiterStore<Version>(options: CasLimiterStoreOptions<Version>): LimiterStore {
  const { name, maxAttempts, capabilities, clock } = checkOptions('options', options, checks);

  async function attempt(
    step: LimiterStep,
    call: { readonly signal?: AbortSignal },
  ): Promise<LimiterResult | undefined> {
    const entry = await options.load(step.key, call);
    const record = entry && decodeRecord(entry.text, name);
    const outcome = decideStep(record, step.limits, step.ops, clock.nowUs());
    if (!outcome.changed || (!outcome.record && !entry)) return outcome.result;
    if (call.signal?.aborted) throw new StoreError('Given up before the write', { store: name, kind: 'other' });
    const next = outcome.record;
    const written = await options.swap(
      step.key,
      {
        expected: entry?.version,
        text: next && encodeRecord(next),
        freshAtMs: next ? Math.ceil(recordFreshAtUs(next) / 1000) : 0,
      },
      call,
    );
    // A driver's count of rows, or nothing, would read as contention or as success.
    if (typeof written !== 'boolean')
      throw new TypeError(`Expected \`swap\` to resolve to true or false, got ${String(written)}`);
    return written ? outcome.result : undefined;
  }

  async function decideOne(step: LimiterStep, call: { readonly signal?: AbortSignal }): Promise<LimiterResult> {
    try {
      for (let attempts = 1; ; attempts++) {
        const result = await attempt(step, call);
        if (result) return result;
        if (attempts === maxAttempts || call.signal?.aborted) {
          const message = `The key was changed by others at each of ${attempts} attempts; nothing was charged`;
          return { error: new StoreContendedError(message, { store: name, attempts }) };
        }
        await pause(clock, Math.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** (attempts - 1)));
      }
    } catch (error) {
      return { error: asStoreError(error, name) };
    }
  }

  return {
    name,
    clock: 'client',
    capabilities: Object.freeze({ ...defaultCapabilities, ...capabilities }),
    decide: (steps, call) => Promise.all(steps.map((step) => decideOne(step, call))),
    close: async () => options.close?.(),
  };
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    // Referenced: a charge that is under way must not end with the process, and the medium may have nothing else open meanwhile.
    clock.setTimer(resolve, ms);
  });
}
