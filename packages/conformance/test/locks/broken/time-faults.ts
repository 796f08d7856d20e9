import type { LockStore } from '@headgate/core';
import type { LockFault } from './fault.js';

// The store with every ttl changed.
const withTtl = (good: LockStore, change: (ttlMs: number) => number): Partial<LockStore> => ({
  acquire: (request) => good.acquire({ ...request, ttlMs: change(request.ttlMs) }),
  extend: (requests) => good.extend(requests.map((each) => ({ ...each, ttlMs: change(each.ttlMs) }))),
});

/** Leases end too soon, too late or never. */
export const timeFaults: readonly LockFault[] = [
  {
    fault: 'never expires',
    caughtBy: 'lease/free-at-ttl-not-before',
    traces: true,
    breakStore: (good) => withTtl(good, () => 10 ** 10),
  },
  {
    fault: 'expires a tenth too soon',
    caughtBy: 'lease/free-at-ttl-not-before',
    traces: true,
    breakStore: (good) => withTtl(good, (ttlMs) => Math.ceil(ttlMs * 0.9)),
  },
  {
    fault: 'floors its ttl to seconds',
    caughtBy: 'lease/odd-ttl-is-kept-to-the-millisecond',
    breakStore: (good) => withTtl(good, (ttlMs) => Math.max(1, Math.floor(ttlMs / 1_000) * 1_000)),
  },
  {
    fault: 'rounds its ttl up to seconds',
    caughtBy: 'lease/odd-ttl-is-kept-to-the-millisecond',
    breakStore: (good) => withTtl(good, (ttlMs) => Math.ceil(ttlMs / 1_000) * 1_000),
  },
  {
    fault: 'adds an extension to what is left',
    caughtBy: 'lease/extension-counts-from-now',
    traces: true,
    breakStore: (good, clock) => ({
      extend: async (requests) => {
        const longer = requests.map(async (each) => {
          const holder = (await good.inspect(each.key))?.holders.find(({ leaseId }) => leaseId === each.leaseId);
          const leftMs = holder && clock ? holder.expiresAtMs - Math.floor(clock.nowUs() / 1000) : 0;
          return { ...each, ttlMs: each.ttlMs + leftMs };
        });
        return good.extend(await Promise.all(longer));
      },
    }),
  },
  {
    fault: 'an extension never shortens a lease',
    caughtBy: 'lease/extension-may-shorten',
    traces: true,
    breakStore: (good, clock) => ({
      extend: async (requests) => {
        const atLeast = requests.map(async (each) => {
          const holder = (await good.inspect(each.key))?.holders.find(({ leaseId }) => leaseId === each.leaseId);
          const leftMs = holder && clock ? holder.expiresAtMs - Math.floor(clock.nowUs() / 1000) : 0;
          return { ...each, ttlMs: Math.max(each.ttlMs, leftMs) };
        });
        return good.extend(await Promise.all(atLeast));
      },
    }),
  },
  {
    fault: 'says that it extended and does not',
    caughtBy: 'lease/extension-counts-from-now',
    traces: true,
    breakStore: (good) => ({
      extend: async (requests) =>
        Promise.all(
          requests.map(async ({ key, leaseId, fencingToken }) => {
            const holders = (await good.inspect(key))?.holders ?? [];
            return holders.some((holder) => holder.leaseId === leaseId && holder.fencingToken === fencingToken)
              ? ({ extended: true } as const)
              : ({ extended: false, reason: 'expired' } as const);
          }),
        ),
    }),
  },
  {
    fault: 'an extension re-creates a lease that is gone',
    caughtBy: 'lease/expired-cannot-be-extended',
    traces: true,
    breakStore: (good) => ({
      extend: async (requests) => {
        const replies = await good.extend(requests);
        return Promise.all(
          replies.map(async (reply, index) => {
            const request = requests[index];
            if (reply.extended || !request) return reply;
            const again = await good.acquire({ ...request, ownerId: 'again', permits: 2 });
            return again.acquired ? ({ extended: true } as const) : reply;
          }),
        );
      },
    }),
  },
  {
    fault: 'a refused attempt prolongs the holder’s lease',
    caughtBy: 'lease/free-at-ttl-not-before',
    traces: true,
    breakStore: (good) => ({
      acquire: async (request) => {
        const reply = await good.acquire(request);
        if (!reply.acquired) {
          const { key, mode, ttlMs } = request;
          await good.extend(
            reply.holders.map(({ leaseId, fencingToken }) => ({ key, mode, leaseId, fencingToken, ttlMs })),
          );
        }
        return reply;
      },
    }),
  },
  {
    fault: 'an acquire that is repeated leaves the lease as old as it was',
    caughtBy: 'lease/acquire-again-renews',
    traces: true,
    breakStore: (good) => {
      const granted = new Map<string, Awaited<ReturnType<LockStore['acquire']>>>();
      return {
        acquire: async (request) => {
          const holders = (await good.inspect(request.key))?.holders ?? [];
          const known = granted.get(request.leaseId);
          if (known && holders.some((holder) => holder.leaseId === request.leaseId)) return known;
          const reply = await good.acquire(request);
          if (reply.acquired) granted.set(request.leaseId, reply);
          return reply;
        },
      };
    },
  },
  {
    fault: 'an expired lease can still be released by its holder',
    caughtBy: 'lease/expired-cannot-be-released',
    traces: true,
    breakStore: (good) => {
      const unreleased = new Set<string>();
      return {
        acquire: async (request) => {
          const reply = await good.acquire(request);
          if (reply.acquired) unreleased.add(`${request.leaseId} ${reply.fencingToken}`);
          return reply;
        },
        release: async (requests) =>
          (await good.release(requests)).map((reply, index) => {
            const request = requests[index];
            const first = unreleased.delete(`${request?.leaseId} ${request?.fencingToken}`);
            return reply.reason === 'expired' && first ? { released: true } : reply;
          }),
      };
    },
  },
  {
    fault: 'inspect shows what has expired',
    caughtBy: 'inspect/expired-is-not-shown',
    traces: true,
    breakStore: (good) => {
      const last = new Map<string, NonNullable<Awaited<ReturnType<LockStore['inspect']>>>>();
      return {
        acquire: async (request) => {
          const reply = await good.acquire(request);
          const state = await good.inspect(request.key);
          if (state) last.set(request.key, state);
          return reply;
        },
        release: async (requests) => {
          for (const { key } of requests) last.delete(key);
          return good.release(requests);
        },
        inspect: async (key) => (await good.inspect(key)) ?? last.get(key) ?? null,
      };
    },
  },
];
