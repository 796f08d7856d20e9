import { fileURLToPath } from 'node:url';
import { migrate } from '@headgate/postgres';
import { spawnNode, startPostgres } from '@headgate/test-servers';
import pg from 'pg';
import { concurrently, medianTime } from '../concurrent.js';
import { jainIndex } from '../contenders.js';
import { userKeys } from '../loops.js';
import * as contestants from './postgres-contestants.js';
import { countStatements, headgateLimiter, headgateLocks } from './postgres-headgate.js';
import type { Runner, Table, Workload } from '../table.js';

const keys = userKeys(10_000);
const keyOf = (n: number): string => keys[(n * 7919) % keys.length] as string;
const plenty = 500_000;
const url = (env: Readonly<Record<string, string>>): string => env['url'] as string;

function limiterWorkload(id: string, title: string, key: (n: number) => string): Workload {
  return {
    id,
    title,
    unit: 'decisions/s',
    rounds: { count: 7, ms: 2_000 },
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

interface Reply {
  readonly turns: number[];
  readonly elapsedMs: number;
  readonly statements: number;
}

/** Processes of contenders, `counts` in each. */
async function processes(
  address: string,
  counts: readonly number[],
  kind: 'headgate' | 'bare' | 'waiting',
): Promise<Runner> {
  const file = fileURLToPath(new URL('../postgres-contender.js', import.meta.url));
  const children = await Promise.all(counts.map((count) => spawnNode(file, [address, String(count), kind])));
  await Promise.all(children.map((child) => child.next({ timeoutMs: 60_000 })));
  return {
    async round(ms) {
      for (const child of children) child.send({ ms });
      const replies = await Promise.all(children.map((child) => child.next<Reply>({ timeoutMs: ms + 60_000 })));
      const elapsedMs = Math.max(...replies.map((reply) => reply.elapsedMs));
      const perSecond = (total: number): number => (total / elapsedMs) * 1000;
      if (kind === 'waiting') return { value: perSecond(replies.reduce((sum, { statements }) => sum + statements, 0)) };
      const turns = replies.flatMap((reply) => reply.turns);
      return { value: perSecond(turns.reduce((sum, n) => sum + n, 0)), details: { jain: jainIndex(turns) } };
    },
    close: async () => void (await Promise.all(children.map((child) => child.kill()))),
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
      rounds: { count: 5, ms: 3_000 },
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
          const waiters = await processes(url(env), [25, 25, 25, 25], 'waiting');
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
    {
      title: '10,000 keys, 256 callers, to rate-limiter-flexible',
      unit: 'x',
      must: { atLeast: 5 },
      goal: { atLeast: 8 },
      value: ({ ratio }) => ratio(['keys', 'headgate'], ['keys', 'rate-limiter-flexible']),
    },
    {
      title: 'one hot key, 256 callers, to rate-limiter-flexible',
      unit: 'x',
      must: { atLeast: 50 },
      goal: { atLeast: 100 },
      value: ({ ratio }) => ratio(['hot', 'headgate'], ['hot', 'rate-limiter-flexible']),
    },
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
    jainRow('4 processes of 4'),
    jainRow('13/1/1/1'),
    {
      title: 'statements a second of 100 waiters in 4 processes',
      unit: '/s',
      must: { atMost: 10 },
      value: ({ median }) => median('waiting', 'headgate'),
    },
  ],
};

function jainRow(split: string): Table['rows'][number] {
  return {
    title: `Jain's index, contenders ${split}`,
    unit: '',
    must: { atLeast: 0.95 },
    value: ({ median }) => median('contended', `headgate, ${split}`, 'jain'),
  };
}
