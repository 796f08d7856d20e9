import { limiterConformance, lockConformance } from '@headgate/conformance';
import { createFaultProxy, skipReason, startRedis, startRedisCluster } from '@headgate/test-servers';
import { Redis } from 'ioredis';
import { afterAll, describe, it } from 'vitest';
import { limiterFixture, lockFixture } from './fixtures.js';
import type { FaultCounters, Faults } from '@headgate/conformance';
import type { FaultProxy, TestServer } from '@headgate/test-servers';
import type { NatMap } from './fixtures.js';

/** Sums one number of every line of `INFO commandstats` whose command passes. */
function calls(stats: string, counts: (command: string) => boolean): number {
  let total = 0;
  for (const [, command = '', number] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (counts(command)) total += Number(number);
  }
  return total;
}

const requestCommands = new Set(['eval', 'evalsha', 'hscan', 'wait']);

/** What the suites may hurt: a server, or all nodes of a cluster, each behind a proxy of its own. */
interface Hurtable {
  /** The servers themselves, past the proxies. */
  readonly servers: readonly TestServer[];
  /** Where clients connect: the proxies. */
  readonly address: string;
  readonly proxies: readonly FaultProxy[];
  readonly natMap: NatMap;
  /** Kills what runs and starts it empty; resolves when the whole answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function hurtableServer(): Promise<Hurtable> {
  const server = await startRedis();
  const proxy = await createFaultProxy({ target: server });
  return {
    servers: [server],
    proxies: [proxy],
    address: `redis://${proxy.host}:${proxy.port}`,
    natMap: {},
    restart: () => server.restart({ empty: true }),
    stop: () => server.stop(),
  };
}

async function hurtableCluster(): Promise<Hurtable> {
  const cluster = await startRedisCluster({ masters: 3 });
  const proxies = await Promise.all(cluster.nodes.map((node) => createFaultProxy({ target: node })));
  const mapped = cluster.nodes.map(({ host, port }, i) => [`${host}:${port}`, proxies[i] as FaultProxy] as const);
  return {
    servers: cluster.nodes,
    proxies,
    address: proxies.map(({ host, port }) => `${host}:${port}`).join(','),
    // Clients follow the addresses that the nodes give, which would lead them past the proxies.
    natMap: Object.fromEntries(mapped.map(([node, { host, port }]) => [node, { host, port }])),
    // Only the slots are kept, so the nodes come back empty.
    restart: () => cluster.restart(),
    stop: () => cluster.stop(),
  };
}

function faultsOf({ servers, proxies, restart }: Hurtable, admins: readonly Redis[]): Required<Faults> {
  const realNow = Date.now;
  const each = async <T>(all: readonly T[], act: (one: T) => unknown): Promise<void> =>
    void (await Promise.all(all.map(act)));
  return {
    kill: () => each(servers, (server) => server.kill()),
    pause: () => each(servers, (server) => server.pause()),
    resume: () => each(servers, (server) => server.resume()),
    restartStore: restart,
    dropConnections: () => each(proxies, (proxy) => proxy.cut()),
    blackhole: () => each(proxies, (proxy) => proxy.blackhole('both')),
    heal: () => each(proxies, (proxy) => proxy.pass()),
    dropReply: async () => {
      let found = false;
      const when = (request: Buffer): boolean => !found && (found = /eval/i.test(request.toString('latin1')));
      return { lost: Promise.race(proxies.map((proxy) => proxy.dropNextReply({ when }))) };
    },
    skewClock: async (ms) => {
      Date.now = () => realNow() + ms;
    },
    wipe: () => each(admins, (admin) => admin.flushall()),
    counters: async (): Promise<FaultCounters> => {
      const stats = (await Promise.all(admins.map((admin) => admin.info('commandstats')))).join('\n');
      const writeCommands = new Set((await admins[0]?.acl('CAT', 'write')) as string[]);
      return {
        requests: calls(stats, (command) => requestCommands.has(command)),
        writes: calls(stats, (command) => writeCommands.has(command)),
      };
    },
  };
}

// With ioredis 6 alone, because each round of faults takes half a minute; conformance.test.ts, clients.test.ts and cluster-clients.test.ts run with both versions.
const driver = 'ioredis 6';

const runs = [
  ['redis', 'a server that is hurt', hurtableServer],
  ['redis-cluster', 'a cluster whose nodes are hurt together', hurtableCluster],
] as const;

for (const [kind, what, start] of runs) {
  const reason = skipReason(kind);
  describe.skipIf(reason !== undefined)(`${what}${reason ? ` (skipped: ${reason})` : ''}`, async () => {
    if (reason !== undefined) return;
    const hurtable = await start();
    const { servers, proxies, address, natMap } = hurtable;
    const admins = servers.map((server) => new Redis(server.url));
    for (const admin of admins) admin.on('error', () => {}); // The tests kill the servers under them.
    const faults = faultsOf(hurtable, admins);
    // As in the run without faults, so that the reports of both are one.
    const version = `@headgate/redis over ${driver}, ${kind}`;
    afterAll(async () => {
      for (const admin of admins) admin.disconnect();
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await hurtable.stop();
    });
    limiterConformance({
      describe,
      it,
      version,
      faults,
      only: ['budget', 'faults', 'time/skewed-client'],
      createStore: () => limiterFixture(driver, kind, address, natMap),
    });
    lockConformance({
      describe,
      it,
      version,
      faults,
      only: ['budgets', 'faults', 'fence/rises-over-loss-of-all-data'],
      createStore: () => lockFixture(driver, kind, address, natMap),
    });
  });
}
