import { ClosedError, integerIn, optionsObject } from '@headgate/core';
import { isServerError, storeName, toStoreError } from './errors.js';
import { asConsumes, decodeResult, encodeConsumes, encodeLone, encodeSteps, encodeTake } from './limiter-wire.js';
import { resolveNames } from './names.js';
import { checkPool } from './pool.js';
import { loneTakeSql } from './sql/limits-lone.js';
import { cleanUpSql } from './sql/limits-table.js';
import type { LimiterCapabilities, LimiterResult, LimiterStep, LimiterStore, StoreError } from '@headgate/core';
import type { Consumes } from './limiter-wire.js';
import type { Names, SchemaOptions } from './names.js';
import type { PostgresPool } from './pool.js';

/** Options of {@link postgresLimiterStore}. */
export interface PostgresLimiterStoreOptions extends SchemaOptions {
  /** A Pool of `pg`, shared with the application and closed by it. A statement holds a connection for its own time only. */
  readonly pool: PostgresPool;
}

/** A limiter store over one table. */
export interface PostgresLimiterStore extends LimiterStore {
  /**
   * Removes up to `limit` (default 1,000) records that equal fresh ones, and resolves to how many that were: call again while it is `limit`. It changes
   * no decision, only what the table weighs; anyone may call it, at any time, from several processes at once.
   */
  cleanUp(options?: { readonly limit?: number | undefined }): Promise<number>;
}

const capabilities: LimiterCapabilities = Object.freeze({
  maxSlidingLogLimit: 1_000,
  maxBatchSteps: 512,
  maxStepOps: 4_096,
  removalLagMs: Infinity,
});

/**
 * Rate limits in PostgreSQL: one statement a batch, decided by the server's clock; a denial writes nothing. The tables are made by `migrate` or
 * `schemaSql`. Failures are `StoreError`s that say what to do.
 */
export function postgresLimiterStore(options: PostgresLimiterStoreOptions): PostgresLimiterStore {
  optionsObject('options', options, { pool: 0, schema: 0, prefix: 0 });
  return new LimiterTable(checkPool(options.pool), resolveNames(options));
}

class LimiterTable implements PostgresLimiterStore {
  readonly name = storeName;
  readonly clock = 'store';
  readonly capabilities = capabilities;
  readonly #pool: PostgresPool;
  readonly #names: Names;
  readonly #loneSql: string;
  readonly #takeSql: string;
  readonly #consumeSql: string;
  readonly #decideSql: string;
  readonly #cleanUpSql: string;
  #prepares = true;
  #closed = false;

  constructor(pool: PostgresPool, names: Names) {
    this.#pool = pool;
    this.#names = names;
    this.#loneSql = loneTakeSql(names);
    this.#takeSql = `SELECT ${names.of('limit_take_v1')}($1, $2, $3, $4, $5)`;
    this.#consumeSql = `SELECT ${names.of('limit_consume_v1')}($1, $2, $3, $4, $5, $6, $7)`;
    this.#decideSql = `SELECT ${names.of('limit_decide_v1')}($1)`;
    this.#cleanUpSql = cleanUpSql(names);
  }

  async decide(steps: readonly LimiterStep[]): Promise<readonly LimiterResult[]> {
    if (this.#closed) throw new ClosedError('The store is closed');
    // Every process takes rows in the same order, so that batches never wait for each other in a circle.
    const sorted = steps.length === 1 ? steps : [...steps].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    const parts = await this.#parts(sorted);
    const decode = (step: LimiterStep, i: number): LimiterResult => {
      const part = parts[i] as string | StoreError;
      return typeof part === 'string' ? decodeResult(part, step) : { error: part };
    };
    if (sorted === steps) return steps.map(decode);
    const results = new Map(sorted.map((step, i) => [step, decode(step, i)]));
    return steps.map((step) => results.get(step) as LimiterResult);
  }

  /** The record before each step, as the server tells it, or why the step has none. */
  async #parts(steps: readonly LimiterStep[]): Promise<(string | StoreError)[]> {
    const consumes = asConsumes(steps);
    if (!consumes) return this.#decideAny(steps);
    let parts: (string | StoreError)[];
    try {
      parts =
        steps.length === 1
          ? [await this.#lone(consumes)]
          : (await this.#ask('consume', this.#consumeSql, encodeConsumes(consumes))).split('|');
    } catch (error) {
      if (!isDataError(error)) throw toStoreError(error);
      return this.#decideAny(steps);
    }
    const open = parts.flatMap((part, i) => (part === 'r' ? [i] : []));
    if (open.length > 0) {
      // The others are decided, and must not become an error with these.
      const decided = await this.#decideAny(open.map((i) => steps[i] as LimiterStep)).catch(toStoreError);
      for (const [j, i] of open.entries())
        parts[i] = Array.isArray(decided) ? (decided[j] as string | StoreError) : decided;
    }
    return parts;
  }

  async #lone(consumes: Consumes): Promise<string> {
    // Where nothing stays prepared, the function is far less to plan.
    const lone = this.#prepares ? encodeLone(consumes) : undefined;
    if (!lone) return this.#ask('take', this.#takeSql, encodeTake(consumes));
    return lone.part(await this.#row('lone', this.#loneSql, lone.values));
  }

  async #decideAny(steps: readonly LimiterStep[]): Promise<(string | StoreError)[]> {
    try {
      return (await this.#ask('decide', this.#decideSql, [encodeSteps(steps)])).split('|');
    } catch (error) {
      if (!isDataError(error)) throw toStoreError(error);
      if (steps.length === 1) return [toStoreError(error)];
      // The server undid the statement because of one step's data: each step then gets a statement and an outcome of its own.
      const alone = steps.map((step) => this.#decideAny([step]).catch((failure: unknown) => [toStoreError(failure)]));
      return (await Promise.all(alone)).flat();
    }
  }

  async cleanUp(options: { readonly limit?: number | undefined } = {}): Promise<number> {
    if (this.#closed) throw new ClosedError('The store is closed');
    const limit = integerIn('limit', optionsObject('options', options, { limit: 0 }).limit ?? 1_000, 1, 100_000);
    try {
      const { rows } = await this.#pool.query({ text: `${this.#cleanUpSql} RETURNING 1`, values: [limit] });
      return rows.length;
    } catch (error) {
      throw toStoreError(error);
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  async #ask(name: string, text: string, values: unknown[]): Promise<string> {
    return (await this.#row(name, text, values))[0] as string;
  }

  async #row(name: string, text: string, values: unknown[]): Promise<readonly unknown[]> {
    const query = { text, values, rowMode: 'array' } as const;
    if (this.#prepares) {
      try {
        return firstRow(await this.#pool.query({ ...query, name: this.#names.statement(name) }));
      } catch (error) {
        if (!isForeignStatement(error)) throw error;
        this.#prepares = false;
      }
    }
    return firstRow(await this.#pool.query(query));
  }
}

function firstRow({ rows }: { readonly rows: unknown[] }): readonly unknown[] {
  return rows[0] as readonly unknown[];
}

/** A pooler moved us to another backend than the one that prepared the statement; nothing was executed. */
function isForeignStatement(error: unknown): boolean {
  return isServerError(error) && (error.code === '26000' || error.code === '42P05');
}

/** Errors that one step can cause for the others: bad numbers, broken rows, violated constraints, a deadlock with a foreign transaction. */
function isDataError(error: unknown): boolean {
  return isServerError(error) && (/^2[23]/.test(error.code) || error.code === '40P01');
}
