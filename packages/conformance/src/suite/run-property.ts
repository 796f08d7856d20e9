import { within } from './deadline.js';
import { explain } from './explain.js';
import type { PropertyResult, StoreIdentity } from '../report/report.js';
import { cannotHave } from './medium.js';
import type { FaultName, Faults } from './faults.js';
import type { Medium } from './medium.js';
import type { Property } from './property.js';

/** A store opened for one property. */
export interface Opened<Context> {
  readonly context: Context;
  readonly identity: StoreIdentity;
  close(): Promise<void>;
}

/** Opens a fresh store for each property. */
export type Open<Context> = () => Promise<Opened<Context>>;

/** Outcome of {@link runProperty}. */
export interface PropertyRun {
  readonly result: PropertyResult;
  /** What the property threw; present exactly for a fail. */
  readonly error?: unknown;
  /** Absent when no store could be opened. */
  readonly identity?: StoreIdentity;
}

const defaultTimeoutMs = 20_000;
/** Longest that closing what a property opened may take. */
const closeTimeoutMs = 10_000;

/** Time after which a runner may give up on a property: its own limit plus the time to clean up. */
export function runnerTimeoutMs(property: { readonly timeoutMs?: number }): number {
  return (property.timeoutMs ?? defaultTimeoutMs) + 2 * closeTimeoutMs;
}

/** Why a property cannot run with the fault hooks at hand; `undefined` when it can. */
export function missingFault(
  property: { readonly faults?: readonly FaultName[] },
  faults: Faults | undefined,
  medium: Medium = 'server',
): string | undefined {
  const missing = (property.faults ?? []).filter((name) => faults?.[name] === undefined);
  if (missing.length === 0) return undefined;
  return cannotHave(medium, missing) ?? `needs the fault hook ${missing.map((name) => `'${name}'`).join(', ')}`;
}

/** Runs one property on a store of its own and says what became of it; never rejects. */
export async function runProperty<Context>(property: Property<Context>, open: Open<Context>): Promise<PropertyRun> {
  const { id, title } = property;
  const started = performance.now();
  const row = { id, title, timeMs: 0 };
  let identity: StoreIdentity | undefined;
  const known = (): { identity?: StoreIdentity } => (identity ? { identity } : {});
  try {
    const opened = await within(closeTimeoutMs, 'createStore did not finish within 10 s', open());
    identity = opened.identity;
    let reason: string | undefined;
    try {
      reason = property.unless?.(opened.context);
      const limitMs = property.timeoutMs ?? defaultTimeoutMs;
      if (reason === undefined)
        await within(limitMs, `${id} did not finish within ${limitMs} ms`, property.run(opened.context));
    } finally {
      await within(closeTimeoutMs, 'closing the store did not finish within 10 s', opened.close());
    }
    if (reason !== undefined) return { result: { ...row, verdict: 'skip', reason }, ...known() };
    return { result: { ...row, verdict: 'pass', timeMs: performance.now() - started }, ...known() };
  } catch (error) {
    return {
      result: { ...row, verdict: 'fail', reason: explain(error), timeMs: performance.now() - started },
      error,
      ...known(),
    };
  }
}
