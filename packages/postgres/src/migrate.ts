import { optionsObject } from '@headgate/core';
import { isServerError, toStoreError } from './errors.js';
import { resolveNames } from './names.js';
import { checkPool } from './pool.js';
import { schemaSql } from './schema.js';
import { schemaVersion } from './sql/version.js';
import type { PostgresPool } from './pool.js';
import type { SchemaSqlOptions } from './schema.js';

/** Options of {@link migrate}. */
export interface MigrateOptions extends SchemaSqlOptions {
  /** A Pool or a connected Client of `pg`, whose role may create tables. */
  readonly pool: PostgresPool;
}

/**
 * Makes or updates what both stores need. Does nothing, and needs no more than the right to read, when that is done already. Safe from any number
 * of processes at once: one works, the others wait for it. Throws a `StoreError` that names the missing right or the server's version.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const { pool: given, ...schemaOptions } = optionsObject('options', options);
  const pool = checkPool(given);
  const script = schemaSql(schemaOptions);
  try {
    if ((await installedVersion(pool, options)) === schemaVersion) return;
    await pool.query({ text: script });
  } catch (error) {
    throw toStoreError(error);
  }
}

async function installedVersion(pool: PostgresPool, options: MigrateOptions): Promise<number | undefined> {
  try {
    const { rows } = await pool.query({ text: `SELECT version FROM ${resolveNames(options).of('schema_version')}` });
    return (rows[0] as { readonly version: number } | undefined)?.version;
  } catch (error) {
    // No schema or no table yet; anything else is trouble.
    if (isServerError(error) && (error.code === '42P01' || error.code === '3F000')) return undefined;
    throw error;
  }
}
