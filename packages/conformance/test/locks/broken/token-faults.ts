import type { AcquireRequest, LockStore } from '@headgate/core';
import type { LockFault } from './fault.js';

/** Numbers the grants of a store anew: `next` says which token a fresh grant gets, `reserve` how many of the block count. */
function renumbered(
  good: LockStore,
  next: (request: AcquireRequest) => Promise<number> | number,
  onRelease: (key: string) => void = () => {},
): Partial<LockStore> {
  const tokens = new Map<number, number>();
  const realOf = new Map<string, number>();
  return {
    acquire: async (request) => {
      const before = (await good.inspect(request.key))?.holders.some((holder) => holder.leaseId === request.leaseId);
      const token = before ? 0 : await next(request);
      const reply = await good.acquire(request);
      if (!reply.acquired) return reply;
      const shown = tokens.get(reply.fencingToken) ?? token;
      tokens.set(reply.fencingToken, shown);
      realOf.set(`${request.leaseId} ${shown}`, reply.fencingToken);
      return { acquired: true, fencingToken: shown, lastToken: shown + reply.lastToken - reply.fencingToken };
    },
    extend: (requests) =>
      good.extend(
        requests.map((each) => ({ ...each, fencingToken: realOf.get(`${each.leaseId} ${each.fencingToken}`) ?? 1 })),
      ),
    release: async (requests) => {
      const replies = await good.release(
        requests.map((each) => ({ ...each, fencingToken: realOf.get(`${each.leaseId} ${each.fencingToken}`) ?? 1 })),
      );
      for (const [index, reply] of replies.entries()) if (reply.released) onRelease(requests[index]?.key ?? '');
      return replies;
    },
  };
}

/** Tokens that do not rise. */
export const tokenFaults: readonly LockFault[] = [
  {
    fault: 'tokens start again after an expiry (the counter shares the lease’s ttl)',
    caughtBy: 'fence/rises-over-expiry',
    traces: true,
    breakStore: (good) => {
      const counters = new Map<string, number>();
      const kept = new Set<string>();
      const next = async ({ key }: AcquireRequest): Promise<number> => {
        const counts = (await good.inspect(key)) !== null || kept.delete(key);
        const token = (counts ? (counters.get(key) ?? 0) : 0) + 1;
        counters.set(key, token);
        return token;
      };
      return renumbered(good, next, (key) => void kept.add(key));
    },
  },
  {
    fault: 'tokens start again after a release (the counter is deleted with the lock)',
    caughtBy: 'fence/rises-over-release',
    traces: true,
    breakStore: (good) => {
      const counters = new Map<string, number>();
      const next = ({ key }: AcquireRequest): number => {
        counters.set(key, (counters.get(key) ?? 0) + 1);
        return counters.get(key) as number;
      };
      return renumbered(good, next, (key) => void counters.delete(key));
    },
  },
  {
    fault: 'the clock of the token counts milliseconds and two grants share one',
    caughtBy: 'fence/contenders-get-distinct-tokens',
    breakStore: (good) => renumbered(good, () => Date.now()),
  },
  {
    fault: 'a block of tokens counts as one, so the next grant’s token lies within it',
    caughtBy: 'fence/blocks-do-not-overlap',
    traces: true,
    breakStore: (good) => {
      let last = 0;
      return renumbered(good, () => ++last);
    },
  },
  {
    fault: 'tokens are random',
    caughtBy: 'fence/rises-over-release',
    traces: true,
    breakStore: (good) => renumbered(good, () => Math.ceil(Math.random() * 2 ** 40)),
  },
  {
    fault: 'a forced release reuses the token of the evicted',
    caughtBy: 'fence/rises-over-forced-release',
    traces: true,
    breakStore: (good) => ({
      forceRelease: async (key, options) => {
        const token = (await good.inspect(key))?.fencingToken ?? 1;
        return { ...(await good.forceRelease(key, options)), fencingToken: token };
      },
    }),
  },
  {
    fault: 'an acquire that is repeated gets another token',
    caughtBy: 'core/acquire-again-is-the-same-lease',
    traces: true,
    breakStore: (good) => ({
      acquire: async (request) => {
        const holders = (await good.inspect(request.key))?.holders ?? [];
        if (holders.some((holder) => holder.leaseId === request.leaseId)) await good.cancelWait(request);
        return good.acquire(request);
      },
    }),
  },
];
