import type { AcquireRequest, HolderInfo, LockStore } from '@headgate/core';
import { NotOffered } from './not-offered.js';

/** A lock of somebody else's, reduced to what our contract can ask of it. An `owner` is whatever text the peer tells holders apart by. */
export interface LockPeer {
  /** One attempt, without waiting. */
  acquire(key: string, owner: string, ttlMs: number): Promise<boolean>;
  /** Likewise for one of several permits, where the peer has a semaphore. */
  acquirePermit?(key: string, owner: string, ttlMs: number, permits: number): Promise<boolean>;
  extend(key: string, owner: string, ttlMs: number, mode: 'exclusive' | 'permit'): Promise<boolean>;
  release(key: string, owner: string, mode: 'exclusive' | 'permit'): Promise<boolean>;
  forceRelease?(key: string): Promise<void>;
  /** Who holds the key, read from where the peer keeps it: an instrument of ours, not an offer of the peer's. */
  holders(key: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A lease that a peer granted, as the shim knows it. The token is made up, since our contract wants one; claims about tokens are not asked of peers. */
interface Granted {
  readonly token: number;
  readonly request: AcquireRequest;
}

/** By lease id, for every store of this process: they stand for processes that share one server. */
const granted = new Map<string, Granted>();
let lastToken = 0;

function note(request: AcquireRequest): number {
  const token = Math.max(lastToken + 1, Date.now() * 1000);
  lastToken = token + (request.tokens ?? 1) - 1;
  granted.set(request.leaseId, { token, request });
  return token;
}

/** The owner under which the peer is asked: the lease id, or another text if the token is not that of the lease. */
function ownerOf({ leaseId, fencingToken }: { readonly leaseId: string; readonly fencingToken: number }): string {
  return granted.get(leaseId)?.token === fencingToken ? leaseId : `${leaseId}#${fencingToken}`;
}

function holderOf(leaseId: string): HolderInfo {
  const known = granted.get(leaseId);
  const { ownerId = '' } = known?.request ?? {};
  return { leaseId, ownerId, fencingToken: known?.token ?? 0, acquiredAtMs: 0, expiresAtMs: 0 };
}

/** Puts a peer behind our contract. Nothing is added to what the peer does but the names of things. */
export function lockStoreOf(peer: LockPeer, name: string): LockStore {
  let closing: Promise<void> | undefined;
  const sharable = (mode: string): 'exclusive' | 'permit' => (mode === 'permit' ? mode : 'exclusive');

  const inspect: LockStore['inspect'] = async (key) => {
    const holders = (await peer.holders(key)).map(holderOf);
    const [first] = holders;
    if (!first) return null;
    return { key, mode: 'exclusive', permits: 1, holders, waiting: 0, fencingToken: first.fencingToken };
  };

  return {
    name,
    clock: 'client',
    capabilities: {
      shared: false,
      permits: peer.acquirePermit !== undefined,
      wake: 'poll',
      fairQueue: false,
      remoteRelease: 'immediate',
      atomicAcquireAll: false,
      tokensSurviveDataLoss: false,
      expirySlackMs: () => 0,
    },
    async acquire(request) {
      const { key, leaseId, mode, ttlMs, permits } = request;
      const acquired =
        mode === 'permit'
          ? await peer.acquirePermit?.(key, leaseId, ttlMs, permits)
          : await peer.acquire(key, leaseId, ttlMs);
      if (!acquired) return { acquired: false, holders: (await peer.holders(key)).map(holderOf), retryAfterMs: 50 };
      const fencingToken = note(request);
      return { acquired, fencingToken, lastToken };
    },
    async cancelWait({ key, leaseId, mode }) {
      await peer.release(key, leaseId, sharable(mode));
    },
    extend: (requests) =>
      Promise.all(
        requests.map(async (lease) =>
          (await peer.extend(lease.key, ownerOf(lease), lease.ttlMs, sharable(lease.mode)))
            ? { extended: true }
            : { extended: false, reason: 'expired' },
        ),
      ),
    release: (requests) =>
      Promise.all(
        requests.map(async (lease) =>
          (await peer.release(lease.key, ownerOf(lease), sharable(lease.mode)))
            ? { released: true }
            : { released: false, reason: 'expired' },
        ),
      ),
    inspect,
    // oxlint-disable-next-line require-yield
    async *list() {
      throw new NotOffered('listing what is held');
    },
    releaseSession: () => Promise.reject(new NotOffered('sessions')),
    async forceRelease(key, options = {}) {
      if (!peer.forceRelease) throw new NotOffered('forced release');
      if (options.leaseId !== undefined) throw new NotOffered('a forced release of one lease by name');
      const released = (await inspect(key))?.holders ?? [];
      await peer.forceRelease(key);
      return { released, pending: [], collateral: [], fencingToken: ++lastToken };
    },
    close: () => (closing ??= peer.close()),
  };
}
