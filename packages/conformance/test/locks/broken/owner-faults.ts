import type { LockStore, ReleaseRequest } from '@headgate/core';
import type { LockFault } from './fault.js';

// The request as if it came from whoever holds the key.
async function asHolder<T extends Pick<ReleaseRequest, 'key' | 'leaseId' | 'fencingToken'>>(
  good: LockStore,
  request: T,
): Promise<T> {
  const holder = (await good.inspect(request.key))?.holders[0];
  return holder ? { ...request, leaseId: holder.leaseId, fencingToken: holder.fencingToken } : request;
}

/** Whose lease it is gets lost. */
export const ownerFaults: readonly LockFault[] = [
  {
    fault: 'releases without checking the owner',
    caughtBy: 'core/stranger-cannot-release',
    traces: true,
    breakStore: (good) => ({
      release: async (requests) => good.release(await Promise.all(requests.map((each) => asHolder(good, each)))),
    }),
  },
  {
    fault: 'a stale release frees the next holder',
    caughtBy: 'lease/stale-release-leaves-the-next-holder',
    traces: true,
    breakStore: (good) => {
      const once = new Set<string>();
      return {
        acquire: async (request) => {
          const reply = await good.acquire(request);
          if (reply.acquired) once.add(request.leaseId);
          return reply;
        },
        release: async (requests) =>
          good.release(
            await Promise.all(requests.map((each) => (once.has(each.leaseId) ? asHolder(good, each) : each))),
          ),
      };
    },
  },
  {
    fault: 'extends without checking the owner',
    caughtBy: 'core/stranger-cannot-extend',
    traces: true,
    breakStore: (good) => ({
      extend: async (requests) => good.extend(await Promise.all(requests.map((each) => asHolder(good, each)))),
    }),
  },
  {
    fault: 'a stale extension changes the next holder’s lease',
    caughtBy: 'lease/stale-extension-leaves-the-next-holder',
    breakStore: (good) => ({
      extend: async (requests) => {
        const replies = await good.extend(requests);
        for (const [index, reply] of replies.entries()) {
          const request = requests[index];
          if (!reply.extended && request) await good.extend([await asHolder(good, request)]);
        }
        return replies;
      },
    }),
  },
  {
    fault: 'the token is not checked, only the lease id',
    caughtBy: 'lease/expired-id-comes-back-as-a-new-lease',
    traces: true,
    breakStore: (good) => ({
      release: async (requests) => {
        const mine = await Promise.all(
          requests.map(async (each) => {
            const holder = (await good.inspect(each.key))?.holders.find(({ leaseId }) => leaseId === each.leaseId);
            return holder ? { ...each, fencingToken: holder.fencingToken } : each;
          }),
        );
        return good.release(mine);
      },
    }),
  },
  {
    fault: 'every release says that it released',
    caughtBy: 'core/release-twice-is-harmless',
    traces: true,
    breakStore: (good) => ({
      release: async (requests) => (await good.release(requests)).map((reply) => ({ ...reply, released: true })),
    }),
  },
  {
    fault: 'a batch touches only the first of its leases',
    caughtBy: 'core/batches-answer-in-order',
    breakStore: (good) => ({
      release: async (requests) => {
        await good.release(requests.slice(0, 1));
        return requests.map(() => ({ released: true }));
      },
    }),
  },
  {
    fault: 'a batch is answered in the wrong order',
    caughtBy: 'core/batches-answer-in-order',
    breakStore: (good) => ({
      extend: async (requests) => {
        const [first, ...others] = await good.extend(requests);
        return first ? [...others, first] : [];
      },
    }),
  },
  {
    fault: 'a refused attempt is granted later by itself',
    caughtBy: 'core/refused-leaves-nothing',
    traces: true,
    breakStore: (good) => ({ acquire: (request) => good.acquire({ ...request, waiter: { ttlMs: 60_000 } }) }),
  },
  {
    fault: 'an acquire that is repeated is refused by its own lease',
    caughtBy: 'core/acquire-again-is-the-same-lease',
    traces: true,
    breakStore: (good) => ({
      acquire: async (request) => {
        const holders = (await good.inspect(request.key))?.holders ?? [];
        const own = holders.find((holder) => holder.leaseId === request.leaseId);
        return own ? { acquired: false, holders, retryAfterMs: 1 } : good.acquire(request);
      },
    }),
  },
  {
    fault: 'a refusal names nobody',
    caughtBy: 'core/second-attempt-names-the-holder',
    traces: true,
    breakStore: (good) => ({
      acquire: async (request) => {
        const reply = await good.acquire(request);
        return reply.acquired ? reply : { ...reply, holders: [] };
      },
    }),
  },
];
