import pg from 'pg';
import { RateLimiterPostgres } from 'rate-limiter-flexible';

/** Something with connections to end. */
export interface Closable {
  close(): Promise<void>;
}

/** rate-limiter-flexible over PostgreSQL: a fixed window per key; `pg`'s usual pool, its table made as it makes it. */
export async function rateLimiterFlexible(
  url: string,
  points: number,
): Promise<Closable & { consume(key: string): Promise<unknown> }> {
  const pool = new pg.Pool({ connectionString: url });
  const options = {
    storeClient: pool,
    storeType: 'pool',
    points,
    duration: 3_600,
    tableName: 'rlflx',
    keyPrefix: 'bench',
  };
  const limiter = await new Promise<RateLimiterPostgres>((resolve, reject) => {
    const made: RateLimiterPostgres = new RateLimiterPostgres(options, (error?: Error) => {
      if (error) reject(error);
      else setImmediate(() => resolve(made));
    });
  });
  return { consume: (key) => limiter.consume(key), close: () => pool.end() };
}

/** The floor of a limiter: a prepared upsert of one row. */
export async function bareUpsert(url: string): Promise<Closable & { call(key: string): Promise<unknown> }> {
  const pool = new pg.Pool({ connectionString: url });
  await pool.query('CREATE TABLE IF NOT EXISTS bare (key text PRIMARY KEY, n bigint NOT NULL)');
  const text = 'INSERT INTO bare VALUES ($1, 1) ON CONFLICT (key) DO UPDATE SET n = bare.n + 1 RETURNING n';
  return { call: (key) => pool.query({ name: 'bare', text, values: [key] }), close: () => pool.end() };
}

/** A contender's own connection, on which it blocks for an advisory lock. */
export async function bareAdvisoryLock(url: string): Promise<Closable & { take(): Promise<() => Promise<unknown>> }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    take: async () => {
      await client.query('SELECT pg_advisory_lock(1)');
      return () => client.query('SELECT pg_advisory_unlock(1)');
    },
    close: () => client.end(),
  };
}
