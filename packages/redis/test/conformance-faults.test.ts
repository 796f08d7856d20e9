import { limiterConformance, lockConformance } from '@headgate/conformance';
import { createFaultProxy, skipReason, startRedis } from '@headgate/test-servers';
import { Redis } from 'ioredis';
import { afterAll, describe, it } from 'vitest';
import { limiterFixture, lockFixture } from './fixtures.js';
import type { Faults } from '@headgate/conformance';
import type { FaultProxy, TestServer } from '@headgate/test-servers';

/** Sums one number of every line of `INFO commandstats` whose command passes. */
function calls(stats: string, counts: (command: string) => boolean): number {
  let total = 0;
  for (const [, command = '', number] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (counts(command)) total += Number(number);
  }
  return total;
}

const requestCommands = new Set(['eval', 'evalsha', 'hscan', 'wait']);
const writeCommands = new Set(['set', 'del', 'setrange', 'hset', 'hdel', 'pexpire']);

function faultsOf(server: TestServer, proxy: FaultProxy, admin: Redis): Faults {
  const realNow = Date.now;
  return {
    kill: () => server.kill(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    restartStore: () => server.restart({ empty: true }),
    dropConnections: async () => void proxy.cut(),
    blackhole: async () => void proxy.blackhole('both'),
    heal: () => proxy.pass(),
    dropReply: async () => {
      const lost = proxy.dropNextReply({ when: (request) => /eval/i.test(request.toString('latin1')) });
      return { lost };
    },
    skewClock: async (ms) => {
      Date.now = () => realNow() + ms;
    },
    wipe: async () => void (await admin.flushall()),
    counters: async () => {
      const stats = await admin.info('commandstats');
      return {
        requests: calls(stats, (command) => requestCommands.has(command)),
        writes: calls(stats, (command) => writeCommands.has(command)),
      };
    },
  };
}

describe.skipIf(skipReason('redis') !== undefined)('a server that is hurt', async () => {
  if (skipReason('redis') !== undefined) return;
  const server = await startRedis();
  const proxy = await createFaultProxy({ target: server });
  const admin = new Redis(server.url);
  admin.on('error', () => {}); // The tests kill the server under it.
  const faults = faultsOf(server, proxy, admin);
  const address = `redis://${proxy.host}:${proxy.port}`;
  // As in the run without faults, so that the reports of both are one.
  const version = '@headgate/redis over ioredis 6, redis';
  afterAll(async () => {
    admin.disconnect();
    await proxy.stop();
    await server.stop();
  });
  limiterConformance({
    describe,
    it,
    version,
    faults,
    only: ['budget', 'faults', 'time/skewed-client'],
    createStore: () => limiterFixture('ioredis 6', 'redis', address),
  });
  lockConformance({
    describe,
    it,
    version,
    faults,
    only: ['budgets', 'faults', 'fence/rises-over-loss-of-all-data'],
    createStore: () => lockFixture('ioredis 6', 'redis', address),
  });
});
