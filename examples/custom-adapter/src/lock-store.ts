import { type Clock, type HolderInfo, type LockState, type LockStore, StoreContendedError } from '@headgate/core';
import type { AcquireReply, ExtendReply, LeaseRef, ReleaseReply } from '@headgate/core';
import { load, machineClock, namesIn, placeOf, swap } from './documents.js';

/** A key's text. It outlives the holder, as tokens only rise; those of the newest lease go from `first` to `last`. */
type Lock = { readonly key: string; first: number; last: number; holder?: HolderInfo };

/** Exclusive locks in the files of a folder: every operation is one edit of the key's text. */
export function fileLockStore(folder: string, clock: Clock = machineClock): LockStore {
  const basic = { shared: false, permits: false, fairQueue: false, atomicAcquireAll: false, expirySlackMs: () => 0 };
  const nowMs = (): number => clock.nowUs() / 1000;
  const nextToken = (lock: Lock): number => Math.max(lock.last + 1, clock.nowUs());

  /** Edits the lock of a key, anew when another process was faster. What changes nothing is not written. */
  async function edit<T>(key: string, change: (lock: Lock) => T, place: string = placeOf(folder, key)): Promise<T> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const stored = load(place);
      const lock: Lock = stored ? JSON.parse(stored.text) : { key, first: 0, last: 0 };
      if (lock.holder && lock.holder.expiresAtMs <= nowMs()) delete lock.holder;
      const [before, reply, after] = [JSON.stringify(lock), change(lock), JSON.stringify(lock)];
      if (after === before || swap(place, stored?.version, after)) return reply;
    }
    throw new StoreContendedError('Others were faster at 1,000 attempts', { store: 'files', attempts: 1000 });
  }

  const editEach = <R extends LeaseRef, T>(leases: readonly R[], change: (lock: Lock, lease: R) => T): Promise<T[]> =>
    Promise.all(leases.map((lease) => edit(lease.key, (lock) => change(lock, lease))));
  const isHeldBy = (lock: Lock, { leaseId, fencingToken }: { leaseId: string; fencingToken: number }): boolean =>
    lock.holder?.leaseId === leaseId && lock.first === fencingToken;
  const evict = (lock: Lock, isMeant: boolean): boolean => isMeant && delete lock.holder;
  const stateOf = ({ key, last, holder }: Lock): LockState | null =>
    holder ? { key, mode: 'exclusive', permits: 1, holders: [holder], waiting: 0, fencingToken: last } : null;

  const list: LockStore['list'] = async function* ({ prefix, sessionId }) {
    for (const name of namesIn(folder)) {
      const state = await edit('', stateOf, `${folder}/${name}`);
      const isOf = sessionId === undefined || state?.holders[0]?.sessionId === sessionId;
      if (isOf && state?.key.startsWith(prefix)) yield state;
    }
  };

  return {
    name: 'files',
    clock: 'client',
    capabilities: { ...basic, wake: 'poll', remoteRelease: 'immediate', tokensSurviveDataLoss: true },
    acquire: ({ key, leaseId, ownerId, sessionId, metadata, ttlMs, tokens = 1 }) =>
      edit(key, (lock): AcquireReply => {
        const { holder } = lock;
        const acquiredAtMs = nowMs();
        if (holder && holder.leaseId !== leaseId)
          return { acquired: false, holders: [holder], retryAfterMs: holder.expiresAtMs - acquiredAtMs };
        if (!holder) lock.first = nextToken(lock);
        if (!holder) lock.last = lock.first + tokens - 1;
        const fresh = { leaseId, ownerId, sessionId, metadata, fencingToken: lock.first, acquiredAtMs };
        lock.holder = { ...((holder ?? fresh) as HolderInfo), expiresAtMs: acquiredAtMs + ttlMs };
        return { acquired: true, fencingToken: lock.first, lastToken: lock.last };
      }),
    cancelWait: ({ key, leaseId }) => edit(key, (lock) => void evict(lock, lock.holder?.leaseId === leaseId)),
    extend: (requests) =>
      editEach(requests, (lock, request): ExtendReply => {
        if (!lock.holder || !isHeldBy(lock, request)) return { extended: false, reason: 'expired' };
        lock.holder = { ...lock.holder, ...request.holder, expiresAtMs: nowMs() + request.ttlMs };
        return { extended: true };
      }),
    release: (requests) =>
      editEach(requests, (lock, request): ReleaseReply => {
        const released = evict(lock, isHeldBy(lock, request));
        return released ? { released } : { released, reason: 'expired' };
      }),
    inspect: (key) => edit(key, stateOf),
    list,
    async releaseSession(session) {
      const released: string[] = [];
      for await (const { key } of list(session))
        if (await edit(key, (lock) => evict(lock, lock.holder?.sessionId === session.sessionId))) released.push(key);
      return { released, pending: [] };
    },
    forceRelease: (key, { leaseId } = {}) =>
      edit(key, (lock) => {
        const [{ holder }, fencingToken] = [lock, nextToken(lock)];
        const isMeant = evict(lock, leaseId === undefined || holder?.leaseId === leaseId);
        if (isMeant) lock.last = fencingToken;
        return { released: holder && isMeant ? [holder] : [], pending: [], collateral: [], fencingToken };
      }),
    close: async () => {},
  };
}
