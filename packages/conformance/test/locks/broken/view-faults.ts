import type { LockState, LockStore } from '@headgate/core';
import { collect } from '../../../src/locks/leases.js';
import type { LockFault } from './fault.js';

// The store with every key changed on its way in.
const withKey = (good: LockStore, change: (key: string) => string): Partial<LockStore> => ({
  acquire: (request) => good.acquire({ ...request, key: change(request.key) }),
  extend: (requests) => good.extend(requests.map((each) => ({ ...each, key: change(each.key) }))),
  release: (requests) => good.release(requests.map((each) => ({ ...each, key: change(each.key) }))),
  inspect: async (key) => {
    const state = await good.inspect(change(key));
    return state && { ...state, key };
  },
});

const aliases: readonly (readonly [fault: string, change: (key: string) => string, caughtBy?: string])[] = [
  ['case', (key) => key.toLowerCase()],
  ['normalisation', (key) => key.normalize('NFC')],
  ['compatibility forms', (key) => key.normalize('NFKC')],
  ['spaces at the end', (key) => key.trim()],
  ['what follows a NUL', (key) => key.split('\0', 1)[0] || key],
  ['braces', (key) => key.replaceAll(/[{}]/g, '')],
  ['a length of 255', (key) => key.slice(0, 255), 'keys/whole-length-counts'],
  ['what follows a colon', (key) => key.split(':', 1)[0] || key, 'keys/prefix-is-not-the-key'],
];

async function evict(
  good: LockStore,
  states: AsyncIterable<LockState> | readonly LockState[],
  leaves: (state: LockState) => boolean,
): Promise<string[]> {
  const released: string[] = [];
  for await (const state of states) {
    if (leaves(state)) continue;
    await good.forceRelease(state.key);
    released.push(state.key);
  }
  return released;
}

/** Keys, sessions and what operators see. */
export const viewFaults: readonly LockFault[] = [
  ...aliases.map(
    ([what, change, caughtBy = 'keys/never-alias']): LockFault => ({
      fault: `keys that differ in ${what} are one`,
      caughtBy,
      breakStore: (good) => withKey(good, change),
    }),
  ),
  {
    fault: 'a session release takes the locks of sessions whose id begins the same',
    caughtBy: 'sessions/releases-exactly-its-own',
    breakStore: (good) => ({
      releaseSession: async ({ prefix, sessionId }) => {
        const own = (state: LockState): boolean =>
          state.holders.some((holder) => holder.sessionId?.startsWith(sessionId));
        return { released: await evict(good, good.list({ prefix }), (state) => !own(state)), pending: [] };
      },
    }),
  },
  {
    fault: 'a session release goes by an old index and takes what another session holds now',
    caughtBy: 'sessions/leaves-what-others-took-since',
    traces: true,
    breakStore: (good) => {
      const index = new Map<string, Set<string>>();
      return {
        acquire: async (request) => {
          const keys = index.get(request.sessionId ?? '') ?? new Set();
          index.set(request.sessionId ?? '', keys.add(request.key));
          return good.acquire(request);
        },
        releaseSession: async ({ prefix, sessionId }) => {
          const own = (key: string): boolean => index.get(sessionId)?.has(key) ?? false;
          return { released: await evict(good, good.list({ prefix }), (state) => !own(state.key)), pending: [] };
        },
      };
    },
  },
  {
    fault: 'a session release forgets the prefix',
    caughtBy: 'sessions/stays-within-its-prefix',
    breakStore: (good) => ({ releaseSession: ({ sessionId }) => good.releaseSession({ prefix: '', sessionId }) }),
  },
  {
    fault: 'a session release evicts those who share the key',
    caughtBy: 'sessions/shared-key-keeps-the-others',
    traces: true,
    breakStore: (good) => ({
      releaseSession: async ({ prefix, sessionId }) => ({
        released: await evict(good, await collect(good.list({ prefix, sessionId })), () => false),
        pending: [],
      }),
    }),
  },
  {
    fault: 'a session release says so and releases nothing',
    caughtBy: 'sessions/releases-exactly-its-own',
    traces: true,
    breakStore: (good) => ({
      releaseSession: async (session) => ({
        released: (await collect(good.list(session))).map((state) => state.key),
        pending: [],
      }),
    }),
  },
  {
    fault: 'a listing shows what was released',
    caughtBy: 'inspect/list-never-shows-what-was-released',
    traces: true,
    breakStore: (good) => {
      const seen = new Map<string, LockState>();
      return {
        acquire: async (request) => {
          const reply = await good.acquire(request);
          const state = await good.inspect(request.key);
          if (state) seen.set(request.key, state);
          return reply;
        },
        list: async function* ({ prefix }) {
          for (const state of seen.values()) if (state.key.startsWith(prefix)) yield state;
        },
      };
    },
  },
  {
    fault: 'a listing reads its prefix as a pattern',
    caughtBy: 'inspect/list-takes-its-prefix-literally',
    breakStore: (good) => ({ list: (filter) => good.list({ ...filter, prefix: filter.prefix.replace(/%.*$/, '') }) }),
  },
  {
    fault: 'a listing forgets the session',
    caughtBy: 'sessions/list-shows-its-own',
    traces: true,
    breakStore: (good) => ({ list: ({ prefix }) => good.list({ prefix }) }),
  },
  {
    fault: 'metadata are lost',
    caughtBy: 'inspect/shows-what-was-given',
    breakStore: (good) => ({ acquire: ({ metadata: _metadata, ...request }) => good.acquire(request) }),
  },
  {
    fault: 'an extension forgets who holds now',
    caughtBy: 'inspect/extension-refreshes-the-holder',
    breakStore: (good) => ({ extend: (requests) => good.extend(requests.map(({ holder: _holder, ...each }) => each)) }),
  },
  {
    fault: 'a forced release that names a lease evicts whoever holds',
    caughtBy: 'force/named-lease-only',
    traces: true,
    breakStore: (good) => ({ forceRelease: (key) => good.forceRelease(key) }),
  },
  {
    fault: 'a forced release evicts only the first of the readers',
    caughtBy: 'force/named-reader-only',
    traces: true,
    breakStore: (good) => ({
      forceRelease: async (key, options = {}) => {
        if (options.leaseId !== undefined) {
          const reply = await good.forceRelease(key);
          return reply;
        }
        return good.forceRelease(key, options);
      },
    }),
  },
  {
    fault: 'a forced release names the evicted and leaves them in place',
    caughtBy: 'force/evicts-every-holder',
    traces: true,
    breakStore: (good) => ({
      forceRelease: async (key) => {
        const state = await good.inspect(key);
        return {
          released: state?.holders ?? [],
          pending: [],
          collateral: [],
          fencingToken: (state?.fencingToken ?? 0) + 1,
        };
      },
    }),
  },
];
