import assert from 'node:assert/strict';
import { joinKey } from '@headgate/core';
import type { LockStore } from '@headgate/core';
import { randomKey } from '../../suite/random.js';
import { sleep } from '../../suite/deadline.js';
import { type LockTest, managerName } from '../lock-test.js';
import { observe } from '../observed-store.js';
import { until } from '../until.js';
import { needsFairQueue, type LockProperty } from './claim.js';

/** Counts requests: those the server saw where the fault hooks count them, else calls of the store. */
interface RequestCount {
  /** The store to work with, so that its calls are counted. */
  watch(store: LockStore): LockStore;
  total(): Promise<number>;
}

function countRequests({ faults }: LockTest): RequestCount {
  const observed: { readonly calls: number }[] = [];
  return {
    watch(store) {
      const each = observe(store);
      observed.push(each);
      return each.store;
    },
    total: async () =>
      faults.counters ? (await faults.counters()).requests : observed.reduce((sum, each) => sum + each.calls, 0),
  };
}

/** What operations may cost, in requests; counted, not timed. */
export const budgetProperties: readonly LockProperty[] = [
  {
    id: 'budgets/lock-and-unlock-are-two-requests',
    title: 'an uncontended acquire and its release cost two requests',
    async run(test) {
      const count = countRequests(test);
      const locks = test.manager({ store: count.watch(test.store), renew: false });
      const key = randomKey();
      // The first rounds may load scripts, open connections and learn what the key's record is.
      for (let round = 0; round < 3; round++) await (await locks.acquire(key)).release();
      await sleep(100);
      const before = await count.total();
      const rounds = 20;
      for (let round = 0; round < rounds; round++) await (await locks.acquire(key)).release();
      const requests = (await count.total()) - before;
      assert.ok(requests <= 2 * rounds, `${requests} requests for ${rounds} acquires and releases`);
      assert.ok(requests >= 2 * rounds, `only ${requests} requests were counted: the counter does not see this store`);
    },
  },
  {
    id: 'budgets/a-waiting-crowd-is-quiet',
    title: '25 waiters in each of 4 instances cost at most 10 requests a second',
    timeoutMs: 40_000,
    async run(test) {
      const count = countRequests(test);
      const key = randomKey();
      const stores = [test.store, await test.peer(), await test.peer(), await test.peer()].map((store) =>
        count.watch(store),
      );
      const managers = stores.map((store) => test.manager({ store, pollMs: undefined }));
      const holder = await test.manager({ store: count.watch(test.store) }).acquire(key);
      const abort = new AbortController();
      const waiting = managers.flatMap((locks) =>
        Array.from({ length: 25 }, () => assert.rejects(locks.acquire(key, { waitMs: 60_000, signal: abort.signal }))),
      );
      await sleep(1_200);
      const before = await count.total();
      const seconds = 3;
      await sleep(seconds * 1_000);
      const requests = (await count.total()) - before;
      abort.abort();
      await Promise.all(waiting);
      await holder.release();
      assert.ok(requests <= 10 * seconds, `${requests} requests in ${seconds} s`);
    },
  },
  {
    id: 'budgets/a-hand-off-wakes-one',
    title: '50 managers on one store that contend for one key all get their turn, in at most 5 calls each',
    unless: needsGrants,
    timeoutMs: 40_000,
    async run({ store, manager }) {
      const { store: counted, log } = observe(store);
      const key = randomKey();
      const crowd = 50;
      // Polls so rare that whoever is not told that it was granted the lock misses its turn for long.
      const managers = Array.from({ length: crowd }, () => manager({ store: counted, pollMs: 5_000, renew: false }));
      const first = await manager({ store: counted }).acquire(key);
      const turns = managers.map(async (locks) => (await locks.acquire(key, { waitMs: 30_000 })).release());
      await until(async () => (await store.inspect(joinKey(managerName, key)))?.waiting === crowd, {
        what: `${crowd} managers to be in line`,
        timeoutMs: 10_000,
      });
      const before = log.length;
      await first.release();
      await Promise.all(turns);
      const calls = log.length - before;
      assert.ok(calls <= 5 * crowd, `${calls} calls for ${crowd} turns`);
    },
  },
];

/** Skips a claim on stores that do not tell whom in their queue they granted a lock. */
function needsGrants(test: LockTest): string | undefined {
  return test.store.capabilities.wake === 'notify' ? needsFairQueue(test) : 'the store tells nobody of grants';
}
