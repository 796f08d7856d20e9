/** What became of one property. */
export type Verdict = 'pass' | 'fail' | 'skip';

/** One row of a report. */
export interface PropertyResult {
  readonly id: string;
  readonly title: string;
  readonly verdict: Verdict;
  /** Why it was skipped, or how it failed; absent for a pass. */
  readonly reason?: string;
  readonly timeMs: number;
}

/** What a store says about itself. */
export interface StoreIdentity {
  readonly name: string;
  readonly clock: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
}

/** The outcome of one run of one suite on one store; JSON-safe. */
export interface ConformanceReport {
  readonly format: 1;
  readonly suite: 'limiter' | 'lock';
  /** `store.name`; `unknown` when no store could be made. */
  readonly store: string;
  /** What the author said is under test, as in `@me/adapter 1.2.0 on redis 7.0.15`. */
  readonly version?: string;
  readonly clock: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** Version of this package. */
  readonly conformance: string;
  readonly node: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Give it as `seed` (or HEADGATE_CONFORMANCE_SEED) to run the same random traces again. */
  readonly seed: number;
  readonly results: readonly PropertyResult[];
}

/** How many rows of each verdict. */
export function countVerdicts(results: readonly PropertyResult[]): Readonly<Record<Verdict, number>> {
  const counts = { pass: 0, fail: 0, skip: 0 };
  for (const { verdict } of results) counts[verdict] += 1;
  return counts;
}

/** JSON has no Infinity: capabilities say it as a string. */
export function jsonSafe(capabilities: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(capabilities).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'function' ? 'function' : value === Infinity ? 'Infinity' : value,
    ]),
  );
}
