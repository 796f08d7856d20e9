/** What the suites ask of a test runner's `it`; `it` of vitest, node:test, jest and mocha all fit. */
export interface It {
  // Bodies take any context, so that each runner's own type of it is accepted.
  // oxlint-disable-next-line typescript/no-explicit-any
  (name: string, body: (this: any, ...context: any[]) => Promise<void>, timeoutMs?: number): unknown;
  /** Used for properties that are skipped for a reason known before the run; without it they appear as tests that pass. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly skip?: (name: string, body: (this: any, ...context: any[]) => Promise<void>) => unknown;
}

/** A test runner: all that the suites need of one. Tests of a `describe` must run one after another, which is every runner's default. */
export interface TestApi {
  describe(name: string, body: () => void): unknown;
  readonly it: It;
}

interface Skippable {
  skip?(reason?: string): unknown;
  timeout?(ms: number): unknown;
}

/** Raises mocha's timeout, which its `it` takes from `this` rather than as an argument; nothing elsewhere. */
export function raiseTimeout(self: unknown, timeoutMs: number): void {
  (self as Skippable | undefined)?.timeout?.(timeoutMs);
}

/** Marks the running test as skipped where the runner can (vitest, node:test: the context; mocha: `this`); jest shows it as passed. */
export function skipRunning(self: unknown, context: unknown, reason: string): void {
  const runner = [context, self].find((candidate) => typeof (candidate as Skippable | undefined)?.skip === 'function');
  (runner as Skippable | undefined)?.skip?.(reason);
}
