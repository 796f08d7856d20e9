import { migrate } from '@headgate/postgres';
import { startPostgres } from '@headgate/test-servers';
import pg from 'pg';
import { concurrently, medianTime } from '../concurrent.js';
import { contenderProcesses } from '../contenders.js';
import { startProcesses } from '../process-group.js';
import { keyOf, plenty, url } from './given.js';
import * as contestants from './postgres-contestants.js';
import { countStatements, headgateLimiter, headgateLocks } from './postgres-headgate.js';
import { evenly, toFlexible } from './rows.js';
import type { Runner, Table, Workload } from '../table.js';

function limiterWorkload(id: string, title: string, key: (n: number) => string): Workload {
  return {
    id,
    title,
    unit: 'decisions/s',
    rounds: { count: 7, ms: 1_000 },
    contestants: {
      async headgate(env) {
        const { limiter, close } = headgateLimiter(url(env), plenty);
        return { ...concurrently(256, (n) => limiter.consume(key(n))), close };
      },
      async 'rate-limiter-flexible'(env) {
        const { consume, close } = await contestants.rateLimiterFlexible(url(env), plenty * 100);
        return { ...concurrently(256, (n) => consume(key(n))), close };
      },
    },
  };
}

const program = new URL('../postgres-contender.js', import.meta.url);

/** The arguments of processes with so many contenders each. */
const argumentsOf = (address: string, counts: readonly number[], kind: 'headgate' | 'bare' | 'waiting'): string[][] =>
  counts.map((count) => [address, String(count), kind]);

/** Contenders for one lock, `counts` in each process. */
const processes = (address: string, counts: readonly number[], kind: 'headgate' | 'bare'): Promise<Runner> =>
  contenderProcesses(program, argumentsOf(address, counts, kind));

/** The statements a second of waiters that never get the lock, `counts` in each process. */
async function waiting(address: string, counts: readonly number[]): Promise<Runner> {
  const { work, close } = await startProcesses<{ readonly statements: number; readonly elapsedMs: number }>(
    program,
    argumentsOf(address, counts, 'waiting'),
  );
  return {
    async round(ms) {
      const replies = await work(ms);
      const statements = replies.reduce((sum, reply) => sum + reply.statements, 0);
      return { value: (statements / Math.max(...replies.map((reply) => reply.elapsedMs))) * 1000 };
    },
    close,
  };
}

/** Limits and locks over one PostgreSQL server. */
export const postgres: Table = {
  name: 'postgres',
  title: 'PostgreSQL',
  about:
    "One PostgreSQL server on 127.0.0.1 with its default durability (every commit is flushed), `pg`'s usual pool for both. Headgate decides an exact token bucket, rate-limiter-flexible counts " +
    'in fixed windows. Locks: 16 contenders on one key with 1 ms of work, in 4 processes, against a blocking `pg_advisory_lock` on a connection of its own for each contender, with no row, ttl or token.',
  packages: ['@headgate/postgres', 'rate-limiter-flexible', 'pg'],
  async setup() {
    const server = await startPostgres();
    const pool = new pg.Pool({ connectionString: server.url });
    await migrate({ pool });
    await pool.end();
    return { env: { url: server.url }, stop: () => server.stop() };
  },
  workloads: [
    limiterWorkload('keys', '10,000 keys, 256 callers', keyOf),
    limiterWorkload('hot', 'one hot key, 256 callers', () => 'hot'),
    {
      id: 'one',
      title: 'one caller',
      unit: 'µs, p50',
      rounds: { count: 9, ms: 700 },
      contestants: {
        async headgate(env) {
          const { limiter, close } = headgateLimiter(url(env), plenty);
          return { ...medianTime((n) => limiter.consume(keyOf(n))), close };
        },
        async 'prepared upsert of one row'(env) {
          const { call, close } = await contestants.bareUpsert(url(env));
          return { ...medianTime((n) => call(keyOf(n))), close };
        },
      },
    },
    {
      id: 'locks',
      title: 'acquire and release, one caller',
      unit: 'pairs/s',
      rounds: { count: 5, ms: 1_000 },
      contestants: {
        async headgate(env) {
          const statements = countStatements();
          const { locks, close } = headgateLocks(url(env));
          const pair = async (n: number): Promise<void> =>
            (await locks.acquire(`own ${n % 100}`)).release().then(() => {});
          await pair(0);
          const { round } = concurrently(1, pair);
          return {
            async round(ms) {
              const before = statements();
              const { value } = await round(ms);
              return { value, details: { statements: (statements() - before) / ((value * ms) / 1000) } };
            },
            close,
          };
        },
      },
    },
    {
      id: 'thousand',
      title: '1,000 locks taken by one process',
      unit: 'ms',
      rounds: { count: 9, ms: 1 },
      contestants: {
        async headgate(env) {
          const { locks, close } = headgateLocks(url(env));
          const pool = new pg.Pool({ connectionString: url(env), max: 1 });
          return {
            async round() {
              const began = performance.now();
              const held = await Promise.all(
                Array.from({ length: 1_000 }, (_, i) => locks.acquire(`one of a thousand ${i}`)),
              );
              const value = performance.now() - began;
              const { rows } = await pool.query<{ n: number }>(
                "SELECT count(DISTINCT pid)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND granted",
              );
              await Promise.all(held.map((lock) => lock.release()));
              return { value, details: { connections: rows[0]?.n ?? 0 } };
            },
            close: async () => {
              await close();
              await pool.end();
            },
          };
        },
      },
    },
    {
      id: 'contended',
      title: '16 contenders, 1 ms of work',
      unit: 'hand-offs/s',
      rounds: { count: 5, ms: 2_000 },
      contestants: {
        'headgate, 4 processes of 4': (env) => processes(url(env), [4, 4, 4, 4], 'headgate'),
        'headgate, 13/1/1/1': (env) => processes(url(env), [13, 1, 1, 1], 'headgate'),
        'bare pg_advisory_lock': (env) => processes(url(env), [4, 4, 4, 4], 'bare'),
      },
    },
    {
      id: 'waiting',
      title: '100 waiters in 4 processes on a held lock',
      unit: 'statements/s',
      rounds: { count: 3, ms: 5_000 },
      contestants: {
        async headgate(env) {
          const { locks, close } = headgateLocks(url(env));
          await locks.acquire('held');
          const waiters = await waiting(url(env), [25, 25, 25, 25]);
          return {
            round: waiters.round,
            close: async () => {
              await waiters.close?.();
              await close();
            },
          };
        },
      },
    },
  ],
  rows: [
    toFlexible('10,000 keys, 256 callers', 'keys', { must: 5, goal: 8 }),
    toFlexible('one hot key, 256 callers', 'hot', { must: 50, goal: 100 }),
    {
      title: 'one caller, p50, to a prepared upsert of one row',
      unit: 'x',
      must: { atMost: 1.25 },
      value: ({ ratio }) => ratio(['one', 'headgate'], ['one', 'prepared upsert of one row']),
    },
    {
      title: 'statements for an acquire and its release',
      unit: '',
      // A thirtieth for renewals and the heartbeat.
      must: { atMost: 2.05 },
      value: ({ median }) => median('locks', 'headgate', 'statements'),
    },
    {
      title: '1,000 locks taken',
      unit: 'ms',
      must: { atMost: 100 },
      value: ({ median }) => median('thousand', 'headgate'),
    },
    {
      title: 'connections that hold them',
      unit: '',
      must: { atMost: 3 },
      value: ({ median }) => median('thousand', 'headgate', 'connections'),
    },
    {
      title: 'hand-offs between 4 processes, to bare blocking pg_advisory_lock',
      unit: 'x',
      must: { atLeast: 1 },
      goal: { atLeast: 1.2 },
      value: ({ ratio }) => ratio(['contended', 'headgate, 4 processes of 4'], ['contended', 'bare pg_advisory_lock']),
    },
    evenly('4 processes of 4'),
    evenly('13/1/1/1'),
    {
      title: 'statements a second of 100 waiters in 4 processes',
      unit: '/s',
      must: { atMost: 10 },
      value: ({ median }) => median('waiting', 'headgate'),
    },
  ],
};
