import { ClosedError, integerIn, optionsObject } from '@headgate/core';
import { isServerError, storeName, toStoreError } from './errors.js';
import { decodeResult, encodeConsumes, encodeSteps } from './limiter-wire.js';
import { resolveNames } from './names.js';
import { checkPool } from './pool.js';
import { cleanUpSql } from './sql/limits-table.js';
import type { LimiterCapabilities, LimiterResult, LimiterStep, LimiterStore } from '@headgate/core';
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
  optionsObject('options', options);
  return new LimiterTable(checkPool(options.pool), resolveNames(options));
}

class LimiterTable implements PostgresLimiterStore {
  readonly name = storeName;
  readonly clock = 'store';
  readonly capabilities = capabilities;
  readonly #pool: PostgresPool;
  readonly #names: Names;
  readonly #consumeSql: string;
  readonly #decideSql: string;
  readonly #cleanUpSql: string;
  #prepares = true;
  #closed = false;

  constructor(pool: PostgresPool, names: Names) {
    this.#pool = pool;
    this.#names = names;
    this.#consumeSql = `SELECT ${names.of('limit_consume_v1')}($1, $2, $3, $4, $5, $6, $7)`;
    this.#decideSql = `SELECT ${names.of('limit_decide_v1')}($1)`;
    this.#cleanUpSql = cleanUpSql(names);
  }

  async decide(steps: readonly LimiterStep[]): Promise<readonly LimiterResult[]> {
    if (this.#closed) throw new ClosedError('The store is closed');
    // Every process takes rows in the same order, so that batches never wait for each other in a circle.
    const sorted = steps.length === 1 ? steps : [...steps].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    let text: string;
    try {
      const consumes = encodeConsumes(sorted);
      text = await (consumes
        ? this.#ask('consume', this.#consumeSql, consumes)
        : this.#ask('decide', this.#decideSql, [encodeSteps(sorted)]));
    } catch (error) {
      // An error in one step's data undid the whole statement: each step then gets a statement and an error of its own.
      if (steps.length === 1 && isDataError(error)) return [{ error: toStoreError(error) }];
      if (isDataError(error)) return (await Promise.all(steps.map((step) => this.decide([step])))).flat();
      throw toStoreError(error);
    }
    const parts = text.split('|');
    if (sorted === steps) return parts.map((part, i) => decodeResult(part, steps[i] as LimiterStep));
    const results = new Map(sorted.map((step, i) => [step, decodeResult(parts[i] as string, step)]));
    return steps.map((step) => results.get(step) as LimiterResult);
  }

  async cleanUp(options: { readonly limit?: number | undefined } = {}): Promise<number> {
    if (this.#closed) throw new ClosedError('The store is closed');
    const limit = integerIn('limit', optionsObject('options', options).limit ?? 1_000, 1, 100_000);
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
    const query = { text, values, rowMode: 'array' } as const;
    if (this.#prepares) {
      try {
        return answerOf(await this.#pool.query({ ...query, name: this.#names.statement(name) }));
      } catch (error) {
        if (!isForeignStatement(error)) throw error;
        this.#prepares = false;
      }
    }
    return answerOf(await this.#pool.query(query));
  }
}

function answerOf({ rows }: { readonly rows: unknown[] }): string {
  return (rows[0] as readonly [string])[0];
}

/** A pooler moved us to another backend than the one that prepared the statement; nothing was executed. */
function isForeignStatement(error: unknown): boolean {
  return isServerError(error) && (error.code === '26000' || error.code === '42P05');
}

/** Errors that a step's own data can cause: bad numbers, broken rows, violated constraints. */
function isDataError(error: unknown): boolean {
  return isServerError(error) && /^(22|23)/.test(error.code);
}
