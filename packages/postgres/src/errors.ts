import { StoreError, StoreFullError } from '@headgate/core';
import type { StoreErrorKind } from '@headgate/core';

/** The `store` label of every metric and error of both stores. */
export const storeName = 'postgres';

interface ServerError extends Error {
  readonly code?: string;
}

interface Reading {
  readonly kind: StoreErrorKind;
  readonly advice: string;
}

const byCode: { readonly [code: string]: Reading } = {
  '3F000': {
    kind: 'other',
    advice:
      'The schema is not there: run migrate() or schemaSql() of @headgate/postgres with the same `schema` and `prefix`.',
  },
  '42P01': {
    kind: 'other',
    advice:
      'A table is not there: run migrate() or schemaSql() of @headgate/postgres with the same `schema` and `prefix`.',
  },
  '42883': {
    kind: 'other',
    advice: 'A function is not there: run migrate() or schemaSql() of this release of @headgate/postgres.',
  },
  '42501': {
    kind: 'auth',
    advice:
      "The role lacks rights: grant it USAGE on the schema and SELECT, INSERT, UPDATE, DELETE on the schema's tables (to run migrate(): CREATE on the database or schema).",
  },
  '0A000': { kind: 'other', advice: 'PostgreSQL 14 or newer is needed.' },
  '25006': { kind: 'connection', advice: 'The server is a standby or read-only: connect to the primary.' },
  '40001': {
    kind: 'other',
    advice: 'Limits need READ COMMITTED: take default_transaction_isolation off this role or database.',
  },
  '53200': {
    kind: 'full',
    advice: 'The lock table of the server is full: raise max_locks_per_transaction, or hold fewer locks at once.',
  },
  '53300': {
    kind: 'throttled',
    advice: 'The server has no connection left: raise max_connections or lower the pools.',
  },
  '57014': {
    kind: 'timeout',
    advice: 'A statement_timeout or a cancel ended the statement; nothing of it took effect.',
  },
  '55P03': { kind: 'contended', advice: 'Another transaction held the row for too long; nothing took effect.' },
};

const byClass: { readonly [code: string]: Reading } = {
  '08': { kind: 'connection', advice: 'The connection broke.' },
  '57': { kind: 'connection', advice: 'The server ended the connection or is not ready.' },
  '28': { kind: 'auth', advice: 'The server refused the login.' },
  '53': { kind: 'full', advice: 'The server is out of a resource.' },
};

const networkCode = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/;

/** What `pg` threw, as a {@link StoreError} that says what to do. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as ServerError | null)?.code ?? '';
  const { kind, advice } = readingOf(code, message);
  const text = advice === '' ? `PostgreSQL failed: ${message}` : `${advice} (${message})`;
  return code === '53200'
    ? new StoreFullError(text, { store: storeName, cause: error })
    : new StoreError(text, { store: storeName, kind, cause: error });
}

function readingOf(code: string, message: string): Reading {
  const known = byCode[code] ?? byClass[code.slice(0, 2)];
  if (known && isSqlState(code)) return known;
  if (networkCode.test(code)) return { kind: 'connection', advice: 'The server cannot be reached.' };
  if (/timeout exceeded when trying to connect/i.test(message)) {
    return {
      kind: 'throttled',
      advice: "No connection of the pool became free within its connectionTimeoutMillis: raise the pool's `max`.",
    };
  }
  if (/Connection terminated|connection error|not queryable|Client was closed|ended by|server closed/i.test(message)) {
    return { kind: 'connection', advice: 'The connection broke.' };
  }
  if (/password|SASL|authentication/i.test(message)) return { kind: 'auth', advice: 'The server refused the login.' };
  return { kind: 'other', advice: '' };
}

/** Whether the server itself refused the statement, so that it certainly took no effect. */
export function isServerError(error: unknown): error is ServerError & { readonly code: string } {
  return error instanceof Error && isSqlState((error as ServerError).code ?? '') && 'severity' in error;
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !networkCode.test(code);
}
