import { afterEach, beforeEach } from 'vitest';
import { createManualClock } from '../src/manual-clock.js';
import { decideStep } from '../src/limits/decide.js';
import { fixedWindow } from '../src/limits/limit.js';
import { createLimiter } from '../src/limits/limiter.js';
import { ScriptedStore } from './scripted-store.js';
import type { FallbackEvent } from '../src/hooks/events.js';
import type { FallbackOptions, Limiter, LimiterOptions } from '../src/limits/api.js';
import type { LimiterAnswerNow, LimiterStore } from '../src/limits/contract.js';
import type { Limit } from '../src/limits/limit.js';
import type { LimiterRecord } from '../src/limits/record.js';
import type { ManualClock } from '../src/manual-clock.js';

/** An in-process store in a dozen lines: the definition over a map. */
export function inProcessStore(clock: ManualClock): LimiterStore & { records: Map<string, LimiterRecord> } {
  const records = new Map<string, LimiterRecord>();
  const inner = new ScriptedStore(clock, { name: 'spare' });
  return {
    name: 'spare',
    clock: 'client',
    capabilities: inner.capabilities,
    records,
    decide: async () => {
      throw new Error('an in-process store is asked by decideNow');
    },
    decideNow(key, limits, op): LimiterAnswerNow {
      const { record, result } = decideStep(records.get(key), limits, [op], clock.nowUs());
      if (record) records.set(key, record);
      else records.delete(key);
      const { nowUs, atUs } = result;
      return { ...(result.answers[0] as LimiterAnswerNow), nowUs, atUs };
    },
    close: async () => records.clear(),
  };
}

/** Ten a minute. */
export const ten: Limit = fixedWindow({ limit: 10, windowMs: 60_000 });

/** A limiter of {@link ten} whose store can be hurt, with a fallback when the test asks for one. */
export interface ResilienceRig {
  readonly clock: ManualClock;
  readonly store: ScriptedStore;
  readonly spare: ReturnType<typeof inProcessStore>;
  readonly limiter: Limiter;
  readonly events: FallbackEvent[];
}

export function resilienceRig(
  options: Partial<LimiterOptions> = {},
  fallback?: Partial<FallbackOptions>,
): ResilienceRig {
  const clock = createManualClock();
  const store = new ScriptedStore(clock);
  const spare = inProcessStore(clock);
  const events: FallbackEvent[] = [];
  const limiter = createLimiter({
    name: 'api',
    store,
    limits: ten,
    clock,
    timeoutMs: 100,
    breaker: { failures: 2, openMs: 1000, maxOpenMs: 8000 },
    ...(fallback ? { fallback: { store: spare, ...fallback } } : {}),
    ...options,
    hooks: { onFallback: (event) => events.push(event) },
  });
  return { clock, store, spare, limiter, events };
}

/** Makes the store fail until the breaker opens. */
export async function open({ store, limiter }: ResilienceRig): Promise<void> {
  store.mode = 'fail';
  for (let i = 0; i < 2; i++) await limiter.consume('opener').catch(() => undefined);
}

/** Brings the store of an opened rig back and lets the reconciliation run. */
export async function recover({ store, clock, limiter }: ResilienceRig): Promise<void> {
  store.mode = 'answer';
  await clock.advance(1000);
  await limiter.consume('probe');
  await clock.advance(0);
}

/** Fails a test of this file that leaves a rejection unhandled. */
export function watchUnhandledRejections(): void {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(async () => {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.off('unhandledRejection', note);
    if (unhandled.length > 0) throw new AggregateError(unhandled, 'a rejection was left unhandled');
  });
}
