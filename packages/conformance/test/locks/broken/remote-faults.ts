import { StoreError } from '@headgate/core';
import type { LockFault } from './fault.js';

/** What only shows through core's waiting, or when a server is far away, counts its requests or loses its data. */
export const remoteFaults: readonly LockFault[] = [
  {
    fault: 'wake-ups are lost',
    caughtBy: 'wait/release-wakes-a-waiter',
    breakStore: () => ({ watch: () => () => {} }),
  },
  {
    fault: 'everybody is woken all the time',
    caughtBy: 'budgets/a-waiting-crowd-is-quiet',
    breakStore: (good) => {
      const keys = new Set<string>();
      return {
        acquire: (request) => {
          keys.add(request.key);
          return good.acquire(request);
        },
        watch: (listener) => {
          const timer = setInterval(() => {
            for (const key of keys) listener.wake(key);
          }, 50);
          return () => clearInterval(timer);
        },
      };
    },
  },
  {
    fault: 'a grant wakes everybody, not only whom it is for',
    caughtBy: 'budgets/a-hand-off-wakes-one',
    breakStore: (good) => ({
      watch: (listener) =>
        good.watch?.({
          wake: (key) => listener.wake(key),
          lost: (lease, reason) => listener.lost(lease, reason),
        }) ?? (() => {}),
    }),
  },
  {
    fault: 'looks before it takes: two requests where one would do',
    caughtBy: 'budgets/lock-and-unlock-are-two-requests',
    breakStore: (good) => ({
      acquire: async (request) => {
        const state = await good.inspect(request.key);
        return state?.mode === 'exclusive' && !request.waiter
          ? { acquired: false, holders: state.holders, retryAfterMs: 10 }
          : good.acquire(request);
      },
    }),
  },
  {
    fault: 'an aborted wait leaves its waiter in the queue',
    caughtBy: 'wait/abort-leaves-nothing',
    breakStore: () => ({ cancelWait: async () => {} }),
  },
  {
    fault: 'looks, then takes: two that look at once both get in',
    caughtBy: 'exclusion/no-update-is-lost',
    breakStore: (good) => ({
      acquire: async (request) => {
        const free = (await good.inspect(request.key)) === null;
        const reply = await good.acquire(request);
        if (reply.acquired || !free) return reply;
        return good.acquire({ ...request, key: `${request.key} and ${request.leaseId}` });
      },
    }),
  },
  {
    fault: 'tokens start again after all data were lost',
    caughtBy: 'fence/rises-over-loss-of-all-data',
    breakStore: (good) => ({
      acquire: async (request) => {
        const reply = await good.acquire(request);
        // A counter that lived in the lost data.
        return reply.acquired ? { acquired: true, fencingToken: 1, lastToken: request.tokens ?? 1 } : reply;
      },
    }),
  },
  {
    fault: 'an outage looks like contention',
    caughtBy: 'faults/absence-is-not-contention',
    breakStore: (good) => ({
      acquire: async (request) => {
        try {
          return await good.acquire(request);
        } catch (error) {
          if (!(error instanceof StoreError)) throw error;
          return { acquired: false, holders: [], retryAfterMs: 100 };
        }
      },
    }),
  },
  {
    fault: 'an extension that could not be sent looks like a loss',
    caughtBy: 'faults/extension-after-a-lost-reply',
    breakStore: (good) => {
      const ended = new Set<string>();
      return {
        extend: async (requests) => {
          try {
            if (requests.some((each) => ended.has(each.leaseId)))
              throw new StoreError('', { store: '', kind: 'other' });
            return await good.extend(requests);
          } catch {
            for (const { leaseId } of requests) ended.add(leaseId);
            return requests.map(() => ({ extended: false, reason: 'connection' }));
          }
        },
      };
    },
  },
  {
    fault: 'an acquire whose reply was lost is refused by its own lease when it is repeated',
    caughtBy: 'faults/acquire-after-a-lost-reply',
    breakStore: (good) => ({
      acquire: async (request) => {
        const holders = (await good.inspect(request.key))?.holders ?? [];
        return holders.length > 0 ? { acquired: false, holders, retryAfterMs: 10 } : good.acquire(request);
      },
    }),
  },
  {
    fault: 'a release that is repeated frees whoever holds by then',
    caughtBy: 'faults/release-after-a-lost-reply',
    breakStore: (good) => ({
      release: async (requests) => {
        for (const { key } of requests) await good.forceRelease(key);
        return requests.map(() => ({ released: true }));
      },
    }),
  },
  {
    fault: 'a grant that nobody heard of is never taken back',
    caughtBy: 'faults/lost-grant-is-cleaned-up',
    breakStore: (good) => ({
      acquire: (request) => good.acquire({ ...request, ttlMs: 10 ** 9 }),
      cancelWait: async () => {},
    }),
  },
  {
    fault: 'keys taken together are taken one by one, and kept when one cannot be had',
    caughtBy: 'groups/store-takes-all-or-none',
    breakStore: (good) => ({
      acquireAll: async (requests) => {
        const leases = [];
        const conflicts = [];
        for (const request of requests) {
          const reply = await good.acquire(request);
          if (reply.acquired) leases.push(reply);
          else conflicts.push({ key: request.key, holders: reply.holders });
        }
        return conflicts.length > 0 ? { acquired: false, conflicts, retryAfterMs: 10 } : { acquired: true, leases };
      },
    }),
  },
  {
    fault: 'contention is thrown as an error',
    caughtBy: 'core/second-attempt-names-the-holder',
    breakStore: (good) => ({
      acquire: async (request) => {
        const reply = await good.acquire(request);
        if (!reply.acquired) throw new StoreError('unable to achieve a quorum', { store: 'x', kind: 'contended' });
        return reply;
      },
    }),
  },
];
