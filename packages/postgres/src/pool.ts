import { invalid } from '@headgate/core';

/** One query as the stores send it. */
export interface PoolQuery {
  readonly text: string;
  readonly name?: string;
  readonly values?: unknown[];
  readonly rowMode?: 'array';
}

/** The part of a `pg` Pool that is used; a Pool of `pg` 8 fits as it is. */
export interface PostgresPool {
  // A pool answers with more than this; only the rows are read.
  query(query: PoolQuery): Promise<{ readonly rows: unknown[] }>;
}

/** Returns `value` when it can be asked queries; says what to pass when it is a connection config. */
export function checkPool(value: unknown): PostgresPool {
  if (typeof (value as PostgresPool | null | undefined)?.query === 'function') return value as PostgresPool;
  throw invalid(
    'pool',
    'a Pool of `pg` (new Pool({ connectionString })), which the limiter shares with the application',
    value,
  );
}
