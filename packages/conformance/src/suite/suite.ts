import { createRequire } from 'node:module';
import { jsonSafe } from '../report/report.js';
import { writeReport } from '../report/report-file.js';
import { summarize } from '../report/summary.js';
import { subjectOf } from './property.js';
import { missingFault, runnerTimeoutMs, runProperty } from './run-property.js';
import { raiseTimeout, skipRunning } from './test-api.js';
import type { ConformanceReport, PropertyResult, StoreIdentity } from '../report/report.js';
import type { Faults } from './faults.js';
import type { Medium } from './medium.js';
import type { Property } from './property.js';
import type { Open, PropertyRun } from './run-property.js';
import type { TestApi } from './test-api.js';

/** Options common to both suites. */
export interface SuiteOptions {
  /** Ways to hurt the store; properties that need others are skipped. */
  readonly faults?: Faults | undefined;
  /**
   * Where the store keeps its data; default `server`. A `process` has no server, connection or second process to hurt, and a `disk` no
   * server or connection: skips then say that the store cannot have what is missing. Of a `process` the budgets demand no request at all.
   */
  readonly medium?: Medium | undefined;
  /** Seed of the random traces; default HEADGATE_CONFORMANCE_SEED, else random and printed. */
  readonly seed?: number | undefined;
  /** File for the JSON report; default: into the folder HEADGATE_CONFORMANCE_REPORT names, if it names one. */
  readonly report?: string | undefined;
  /** What is under test, for the report: package, version, server. */
  readonly version?: string | undefined;
  /** Run only properties of these subjects (the part of an id before the slash) or with these ids; default all. */
  readonly only?: readonly string[] | undefined;
  /** Takes the summary; default `console.log`. */
  readonly print?: ((text: string) => void) | undefined;
}

/** One suite, ready to be registered with a runner or run by itself. */
export interface Suite<Context> {
  readonly name: 'limiter' | 'lock';
  readonly properties: readonly Property<Context>[];
  readonly seed: number;
  readonly open: Open<Context>;
}

/** Collects verdicts into a report. */
class ReportBuilder {
  readonly #results: PropertyResult[] = [];
  readonly #startedAt = new Date().toISOString();
  readonly #suite: 'limiter' | 'lock';
  readonly #seed: number;
  readonly #order: readonly string[];
  readonly #version: string | undefined;
  #identity: StoreIdentity = { name: 'unknown', clock: 'unknown', capabilities: {} };

  constructor(
    suite: Pick<Suite<unknown>, 'name' | 'seed'> & { readonly properties: readonly { readonly id: string }[] },
    version: string | undefined,
  ) {
    this.#suite = suite.name;
    this.#seed = suite.seed;
    this.#order = suite.properties.map(({ id }) => id);
    this.#version = version;
  }

  add({ result, identity }: PropertyRun): void {
    this.#results.push(result);
    if (identity) this.#identity = identity;
  }

  report(): ConformanceReport {
    const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
    return {
      format: 1,
      suite: this.#suite,
      store: this.#identity.name,
      ...(this.#version === undefined ? {} : { version: this.#version }),
      clock: this.#identity.clock,
      capabilities: jsonSafe(this.#identity.capabilities),
      conformance: version,
      node: process.version,
      startedAt: this.#startedAt,
      seed: this.#seed,
      results: [...this.#results].sort((a, b) => this.#order.indexOf(a.id) - this.#order.indexOf(b.id)),
    };
  }
}

function chosen<Context>(suite: Suite<Context>, only: readonly string[] | undefined): readonly Property<Context>[] {
  if (!only) return suite.properties;
  const names = (property: Property<Context>): readonly string[] => [property.id, subjectOf(property)];
  // A name that matches nothing would be a property silently left out.
  const unknown = only.filter((name) => !suite.properties.some((property) => names(property).includes(name)));
  if (unknown.length > 0) throw new Error(`No ${suite.name} property has the subject or id ${unknown.join(', ')}`);
  return suite.properties.filter((property) => names(property).some((name) => only.includes(name)));
}

function skipped(property: Property<never>, reason: string): PropertyRun {
  return { result: { id: property.id, title: property.title, verdict: 'skip', reason, timeMs: 0 } };
}

/** Registers a suite with a runner: one test per property, and a last one that prints and writes the report. */
export function registerSuite<Context>(suite: Suite<Context>, options: SuiteOptions & TestApi): void {
  const { describe, it } = options;
  const builder = new ReportBuilder(suite, options.version);
  const properties = chosen(suite, options.only);
  describe(`${suite.name} conformance`, () => {
    for (const property of properties) {
      const name = `${property.id}: ${property.title}`;
      const reason = missingFault(property, options.faults, options.medium);
      if (reason !== undefined) {
        builder.add(skipped(property, reason));
        const skip = it.skip ?? it;
        skip(`${name} (skipped: ${reason})`, async () => {});
        continue;
      }
      const timeoutMs = runnerTimeoutMs(property);
      it(
        name,
        async function body(this: unknown, ...context: unknown[]) {
          raiseTimeout(this, timeoutMs);
          const run = await runProperty(property, suite.open);
          builder.add(run);
          if (run.result.verdict === 'fail') throw run.error;
          if (run.result.verdict === 'skip') skipRunning(this, context[0], run.result.reason ?? '');
        },
        timeoutMs,
      );
    }
    it('has a report', async () => {
      const report = builder.report();
      const file = writeReport(report, options.report);
      (options.print ?? console.log)(summarize(report) + (file === undefined ? '' : `\n  report: ${file}`));
      if (report.results.length !== properties.length)
        throw new Error(`${properties.length - report.results.length} properties came to no verdict`);
    });
  });
}

/** Runs a suite without a test runner and resolves to its report, which is also written where the options say; prints nothing. */
export async function runSuite<Context>(suite: Suite<Context>, options: SuiteOptions): Promise<ConformanceReport> {
  const builder = new ReportBuilder(suite, options.version);
  for (const property of chosen(suite, options.only)) {
    const reason = missingFault(property, options.faults, options.medium);
    builder.add(reason === undefined ? await runProperty(property, suite.open) : skipped(property, reason));
  }
  const report = builder.report();
  writeReport(report, options.report);
  return report;
}
