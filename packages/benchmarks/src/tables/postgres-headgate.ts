import { createLimiter, createLocks, tokenBucket } from '@headgate/core';
import { postgresLimiterStore, postgresLockStore } from '@headgate/postgres';
import pg from 'pg';
import type { Limiter, Locks } from '@headgate/core';
import type { Closable } from './postgres-contestants.js';

/** A Headgate limiter over PostgreSQL: an exact token bucket that is never empty in a run; `pg`'s usual pool. */
export function headgateLimiter(url: string, capacity: number): Closable & { limiter: Limiter } {
  const pool = new pg.Pool({ connectionString: url });
  const store = postgresLimiterStore({ pool });
  const limits = tokenBucket({ capacity, refillTokens: 1, refillIntervalMs: 3_600_000 });
  const limiter = createLimiter({ name: 'bench', store, limits });
  return {
    limiter,
    close: async () => {
      await limiter.close();
      await store.close();
      await pool.end();
    },
  };
}

/** Headgate locks over PostgreSQL. */
export function headgateLocks(url: string): Closable & { locks: Locks } {
  const store = postgresLockStore({ connection: url });
  const locks = createLocks({ name: 'bench', store, ttlMs: 10_000 });
  return {
    locks,
    close: async () => {
      await locks.close();
      await store.close();
    },
  };
}

/** Counts every statement that this process sends from now on. */
export function countStatements(): () => number {
  let statements = 0;
  const client = pg.Client.prototype as unknown as { query(...args: unknown[]): unknown };
  const { query } = client;
  client.query = function counted(this: unknown, ...args: unknown[]): unknown {
    statements++;
    return query.apply(this, args);
  };
  return () => statements;
}
