import type { LockCapabilities, LockStore } from '@headgate/core';
import { describe, it } from 'vitest';
import { collect } from '../../src/locks/leases.js';
import { lockConformance } from '../../src/locks/suite.js';
import { replaced } from './broken/fault.js';
import { memoryFixture } from './memory-fixture.js';

/** How late this store frees what was abandoned, milliseconds; it declares a little more. */
const lateMs = 120;

const capabilities: LockCapabilities = {
  shared: false,
  permits: false,
  wake: 'poll',
  fairQueue: false,
  remoteRelease: 'cooperative',
  atomicAcquireAll: false,
  tokensSurviveDataLoss: false,
  expirySlackMs: () => lateMs + 30,
};

// A store that can do no more than it must, and says so: no queue, no wake-ups, late expiry, and what others hold it can only ask for.
function modest(good: LockStore): LockStore {
  const {
    acquireAll: _acquireAll,
    watch: _watch,
    ...plain
  } = replaced(good, {
    name: 'modest',
    acquire: ({ waiter: _waiter, ...request }) => good.acquire({ ...request, ttlMs: request.ttlMs + lateMs }),
    extend: (requests) => good.extend(requests.map((each) => ({ ...each, ttlMs: each.ttlMs + lateMs }))),
    releaseSession: async (session) => {
      const states = await collect(good.list(session));
      setTimeout(() => {
        for (const { key, holders } of states) void good.forceRelease(key, { leaseId: holders[0]?.leaseId ?? '' });
      }, 30);
      return { released: [], pending: states.map(({ key }) => key) };
    },
    forceRelease: async (key, options = {}) => {
      const holders = (await good.inspect(key))?.holders ?? [];
      const pending = holders.filter(({ leaseId }) => options.leaseId === undefined || options.leaseId === leaseId);
      if (pending.length === 0) return good.forceRelease(key, options);
      // The token is issued now; the holders let go when they have answered.
      const { fencingToken } = await good.forceRelease(key, { leaseId: 'nobody' });
      setTimeout(() => {
        for (const { leaseId } of pending) void good.forceRelease(key, { leaseId });
      }, 30);
      return { released: [], pending, fencingToken, collateral: [] };
    },
  });
  return { ...plain, capabilities };
}

// The suite asks no more than a store declares: one with the least capabilities passes it.
lockConformance({
  describe,
  it,
  version: 'least capabilities',
  createStore: (request) => memoryFixture(request, modest),
});
