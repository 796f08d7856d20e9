import { createFaultProxy, until } from '@headgate/test-servers';
import pg from 'pg';
import type { FaultProxy, TestServer } from '@headgate/test-servers';
import type { Faults } from '@headgate/conformance';
import type { TestDatabase } from './database.js';

/** A private server behind a proxy, and the conformance suite's ways to hurt it. */
export interface HurtServer {
  readonly proxy: FaultProxy;
  /** The server through the proxy. */
  readonly url: string;
  readonly faults: Faults;
}

export async function hurtServer(server: TestServer, database: () => TestDatabase): Promise<HurtServer> {
  const proxy = await createFaultProxy({ target: server });
  const url = `postgres://postgres@${proxy.host}:${proxy.port}/postgres`;
  const faults: Faults = {
    kill: () => server.kill(),
    pause: async () => server.pause(),
    resume: async () => server.resume(),
    restartStore: () => server.restart(),
    dropConnections: async () => proxy.cut(),
    blackhole: async () => proxy.blackhole(),
    heal: () => proxy.pass(),
    // Only what the stores send: their prepared statements are named so.
    dropReply: async () => ({
      lost: proxy.dropNextReply({ when: (request) => /headgate_[0-9a-f]+_/.test(request.toString('latin1')) }),
    }),
    // All data, and with the backends every lock: as after a failover to an empty server.
    wipe: async () => {
      const { pool, schema } = database();
      await pool.query(`TRUNCATE "${schema}".limits, "${schema}".locks, "${schema}".leases, "${schema}".waiters`);
      const ours = `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'headgate%'`;
      // These backends and no later ones: a store may connect anew at once.
      const { rows } = await pool.query<{ pid: number }>(ours);
      const pids = rows.map(({ pid }) => pid);
      await pool.query('SELECT pg_terminate_backend(pid, 5000) FROM unnest($1::int[]) pid', [pids]);
      const left = 'SELECT pid FROM pg_stat_activity WHERE pid = ANY($1)';
      await until(async () => (await pool.query(left, [pids])).rowCount === 0, {
        timeoutMs: 5_000,
        what: 'the backends to end',
      });
    },
  };
  return { proxy, url, faults };
}

/** A pool that survives a server's restarts, as an application's does. */
export function sturdyPool(url: string, onQuery: () => void = () => {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 1_000, query_timeout: 5_000 });
  pool.on('error', () => {}); // idle connections end with the server
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  return Object.assign(pool, {
    query: (...args: unknown[]) => {
      onQuery();
      return query(...args);
    },
  });
}
