import { randomBytes } from 'node:crypto';
import { ClosedError } from '@headgate/core';
import { storeName } from './errors.js';
import { Attempts } from './locks/attempts.js';
import { Holdings } from './locks/holdings.js';
import { Inbox } from './locks/inbox.js';
import { keyIdOf } from './locks/key-id.js';
import { leaseName } from './locks/lease.js';
import { Operator } from './locks/operator.js';
import { resolveLockSettings } from './locks/options.js';
import type {
  AcquireReply,
  AcquireRequest,
  ExtendReply,
  ExtendRequest,
  ForceReleaseReply,
  LeaseRef,
  LockCapabilities,
  LockFilter,
  LockLostReason,
  LockState,
  LockStore,
  LockStoreListener,
  ReleaseReply,
  ReleaseRequest,
  ReleaseSessionReply,
} from '@headgate/core';
import type { KeyId } from './locks/key-id.js';
import type { Lease } from './locks/lease.js';
import type { LockSettings, PostgresLockStoreOptions } from './locks/options.js';
import type { Wanted } from './locks/operator.js';

/**
 * Locks as session-level advisory locks of PostgreSQL, with a ttl that the server enforces. Opens connections when they are first needed. The tables are
 * made by `migrate` or `schemaSql`. Failures are `StoreError`s that say what to do.
 */
export function postgresLockStore(options: PostgresLockStoreOptions): LockStore {
  return new AdvisoryLocks(resolveLockSettings(options));
}

class AdvisoryLocks implements LockStore {
  readonly name = storeName;
  readonly clock = 'store';
  readonly capabilities: LockCapabilities;
  readonly #settings: LockSettings;
  readonly #channel = `headgate_${randomBytes(9).toString('hex')}`;
  readonly #holdings: Holdings;
  readonly #inbox: Inbox;
  readonly #operator: Operator;
  readonly #attempts: Attempts;
  readonly #listeners = new Set<LockStoreListener>();
  readonly #idOf = (key: string): KeyId => {
    this.#assertOpen();
    return keyIdOf(key, this.#settings.hashLock);
  };
  #closed = false;

  constructor(settings: LockSettings) {
    this.#settings = settings;
    this.capabilities = Object.freeze({
      shared: true,
      permits: true,
      wake: 'notify',
      fairQueue: true,
      remoteRelease: 'cooperative',
      atomicAcquireAll: false,
      tokensSurviveDataLoss: true,
      expirySlackMs: (ttlMs: number) => settings.classes.expirySlackMs(ttlMs),
    });
    this.#holdings = new Holdings(settings, this.#channel, (lease, reason) => this.#lost(lease, reason));
    this.#inbox = new Inbox(settings.connection, settings.names, this.#channel, {
      wake: (leaseId) => this.#wake(this.#attempts.waitsFor(leaseId), leaseId),
      next: (leaseId) => this.#wake(this.#attempts.mayStand(leaseId), leaseId),
      evict: (leaseId, fencingToken, reason) => {
        for (const lease of [...this.#holdings.owned.byLeaseId(leaseId)]) {
          if (lease.fencingToken === fencingToken) void this.#holdings.end(lease, reason);
        }
      },
      missed: () => {
        for (const id of this.#attempts.waitedFor()) this.#wake(id);
      },
      needed: () => this.#holdings.owned.size + this.#attempts.waiting > 0,
    });
    this.#operator = new Operator(this.#inbox, settings.names, this.#channel);
    this.#attempts = new Attempts(this.#holdings, this.#inbox, this.#operator);
  }

  acquire(request: AcquireRequest): Promise<AcquireReply> {
    return this.#attempts.start(request, this.#idOf);
  }

  async cancelWait(ref: LeaseRef): Promise<void> {
    this.#assertOpen();
    await this.#attempts.cancel(ref);
  }

  extend(requests: readonly ExtendRequest[]): Promise<readonly ExtendReply[]> {
    return this.#all(requests, (request) => this.#holdings.extend(request));
  }

  release(requests: readonly ReleaseRequest[]): Promise<readonly ReleaseReply[]> {
    return this.#all(requests, (request) => this.#releaseOne(request));
  }

  async inspect(key: string): Promise<LockState | null> {
    return this.#operator.inspect(this.#idOf(key));
  }

  list({ prefix, sessionId }: LockFilter): AsyncIterable<LockState> {
    this.#assertOpen();
    return this.#operator.list(prefix, sessionId);
  }

  async releaseSession({ prefix, sessionId }: { prefix: string; sessionId: string }): Promise<ReleaseSessionReply> {
    this.#assertOpen();
    const { released, pending } = await this.#endWanted(
      await this.#operator.evictSession(prefix, sessionId),
      'session',
    );
    const waitingFor = new Set(pending.map(({ key }) => key));
    const freed = new Set(released.map(({ key }) => key).filter((key) => !waitingFor.has(key)));
    return { released: [...freed], pending: [...waitingFor] };
  }

  async forceRelease(
    key: string,
    options: { readonly terminate?: boolean; readonly leaseId?: string } = {},
  ): Promise<ForceReleaseReply> {
    const id = this.#idOf(key);
    // First the token, so that it outranks those evicted and not those who come after them.
    const fencingToken = await this.#operator.bump(id);
    const { released, pending } = await this.#endWanted(await this.#operator.evictKey(id, options.leaseId), 'forced');
    const holders = (wanted: readonly Wanted[]) => wanted.map(({ holder }) => holder);
    if (options.terminate !== true || pending.length === 0) {
      return { released: holders(released), pending: holders(pending), fencingToken, collateral: [] };
    }
    const collateral = await this.#operator.terminate(
      id,
      pending.map(({ holder }) => holder.leaseId),
    );
    return { released: holders([...released, ...pending]), pending: [], fencingToken, collateral };
  }

  watch(listener: LockStoreListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#holdings.close(), this.#inbox.close()]);
  }

  async #all<T, R>(requests: readonly T[], run: (request: T) => Promise<R>): Promise<readonly R[]> {
    this.#assertOpen();
    return Promise.all(requests.map(run));
  }

  async #releaseOne(request: ReleaseRequest): Promise<ReleaseReply> {
    const { fencingToken, next } = request;
    const name = leaseName(request);
    const lease = this.#holdings.current(name, fencingToken);
    if (!lease) return { released: false, reason: this.#holdings.owned.whyGone(name) };
    const giving = this.#holdings.giveBack(lease);
    // Behind the release in the same batch, when it belongs on the same connection.
    const following =
      next && this.#inbox.listening && this.#settings.classes.classFor(next.ttlMs) === lease.connection.idleMs
        ? this.#attempts.follow(next, lease.id, lease.connection)
        : undefined;
    // When both fail it is for the same reason, and the release is the one that tells.
    following?.catch(() => {});
    const [found, expired, evicted] = await giving;
    const reason = evicted ?? (expired === 1 ? 'expired' : found === 0 ? 'forced' : undefined);
    const reply = reason === undefined ? { released: true } : { released: false, reason };
    return following ? { ...reply, next: await following } : reply;
  }

  async #endWanted(
    wanted: readonly Wanted[],
    reason: LockLostReason,
  ): Promise<{ released: Wanted[]; pending: Wanted[] }> {
    const released: Wanted[] = [];
    const pending: Wanted[] = [];
    const ending = wanted.map(async (each) => {
      const lease = each.own
        ? this.#holdings.owned.find(leaseName({ key: each.key, leaseId: each.holder.leaseId }))
        : undefined;
      if (lease) await this.#holdings.end(lease, reason);
      (each.own ? released : pending).push(each);
    });
    await Promise.all(ending);
    return { released, pending };
  }

  #lost({ id, leaseId }: Lease, reason: LockLostReason): void {
    for (const listener of this.#listeners) listener.lost({ key: id.key, leaseId }, reason);
  }

  #wake(id: KeyId | undefined, leaseId?: string): void {
    if (id) for (const listener of this.#listeners) listener.wake(id.key, leaseId);
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError('The store is closed');
  }
}
