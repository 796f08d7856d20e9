import { randomBytes } from 'node:crypto';
import { ClosedError, StoreError } from '@headgate/core';
import { storeName } from './errors.js';
import { HoldingConnection } from './locks/holding-connection.js';
import { Inbox } from './locks/inbox.js';
import { keyIdOf, sha256Hex } from './locks/key-id.js';
import { OwnedLeases } from './locks/lease.js';
import { Operator } from './locks/operator.js';
import { resolveLockSettings } from './locks/options.js';
import { decodeHolder, encodeInfo, modes } from './locks/wire.js';
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
import type { Operation } from './locks/holding-connection.js';
import type { KeyId } from './locks/key-id.js';
import type { Lease } from './locks/lease.js';
import type { LockSettings, PostgresLockStoreOptions } from './locks/options.js';
import type { Wanted } from './locks/operator.js';
import type { AcquireTuple, ExtendTuple, ReleaseTuple } from './locks/wire.js';

/** When only waiters stand in the way, the first of them has been told: asking again makes sense after this long, milliseconds. */
const behindWaitersMs = 250;

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
  readonly #owned = new OwnedLeases();
  readonly #inbox: Inbox;
  readonly #operator: Operator;
  /** One holding connection per ttl class. */
  readonly #connections = new Map<number, HoldingConnection>();
  readonly #listeners = new Set<LockStoreListener>();
  /** Waiters that this process has in the store's queue. */
  readonly #waiting = new Map<string, { readonly id: KeyId; readonly connection: HoldingConnection }>();
  /** Attempts under way whose caller has gone. */
  readonly #cancelled = new Set<string>();
  /** Attempts under way, which a cancellation has to wait for. */
  readonly #attempts = new Map<string, Promise<unknown>>();
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
    this.#inbox = new Inbox(settings.connection, settings.names, this.#channel, {
      wake: (leaseId) => this.#wake(this.#waiting.get(leaseId)?.id),
      evict: (leaseId, reason) => {
        for (const lease of [...this.#owned.byLeaseId(leaseId)]) void this.#end(lease, reason);
      },
      missed: () => {
        for (const { id } of this.#waiting.values()) this.#wake(id);
      },
      needed: () => this.#owned.size + this.#waiting.size > 0,
    });
    this.#operator = new Operator(this.#inbox, settings.names, this.#channel);
  }

  async acquire(request: AcquireRequest): Promise<AcquireReply> {
    this.#assertOpen();
    return this.#underWay(request, this.#firstAttempt(request, this.#idOf(request.key)));
  }

  async cancelWait({ key, leaseId }: LeaseRef): Promise<void> {
    this.#assertOpen();
    const name = `${leaseId}\0${key}`;
    const attempt = this.#attempts.get(name);
    const waiting = this.#waiting.get(leaseId);
    this.#waiting.delete(leaseId);
    // Right behind the attempt that may be under way; one that has yet to leave stays here.
    if (attempt) this.#cancelled.add(name);
    try {
      const cancelling = waiting && this.#takeOutOfQueue(waiting, leaseId);
      // What became of the attempt is its caller's to hear; here it only has to be over.
      await Promise.all([cancelling, attempt?.catch(() => {})]);
      const lease = this.#owned.find(key, leaseId);
      if (lease) await this.#giveBack(lease);
    } finally {
      this.#cancelled.delete(name);
    }
  }

  extend(requests: readonly ExtendRequest[]): Promise<readonly ExtendReply[]> {
    return this.#all(requests, (request) => this.#extendOne(request));
  }

  release(requests: readonly ReleaseRequest[]): Promise<readonly ReleaseReply[]> {
    return this.#all(requests, (request) => this.#releaseOne(request));
  }

  async inspect(key: string): Promise<LockState | null> {
    this.#assertOpen();
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
    this.#assertOpen();
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
    for (const lease of this.#owned.all()) {
      this.#owned.remove(lease, 'closed');
      this.#lost(lease, 'closed');
    }
    await Promise.all([this.#inbox.close(), ...[...this.#connections.values()].map((each) => each.close())]);
  }

  /** Makes an attempt known to cancellations until it is over. */
  async #underWay(request: AcquireRequest, attempt: Promise<AcquireReply>): Promise<AcquireReply> {
    const name = `${request.leaseId}\0${request.key}`;
    this.#attempts.set(name, attempt);
    try {
      return await attempt;
    } finally {
      if (this.#attempts.get(name) === attempt) this.#attempts.delete(name);
    }
  }

  async #firstAttempt(request: AcquireRequest, id: KeyId): Promise<AcquireReply> {
    const connection = await this.#connectionOf(request);
    // A waiter must hear its turn, and a holder that somebody wants its lease back; only the former has to be sure before it asks.
    if (request.waiter) await this.#inbox.listen();
    else if (!this.#inbox.listening) this.#inbox.listen().catch(() => {}); // the next call tries again; renewals tell of an eviction too
    return this.#attempt(request, id, connection, true);
  }

  async #all<T, R>(requests: readonly T[], run: (request: T) => Promise<R>): Promise<readonly R[]> {
    this.#assertOpen();
    return Promise.all(requests.map(run));
  }

  /** One attempt on the connection of the lease's class; a waiter that has just been queued asks once more, since the holder may have left in between. */
  async #attempt(
    request: AcquireRequest,
    id: KeyId,
    connection: HoldingConnection,
    again: boolean,
  ): Promise<AcquireReply> {
    for (const lease of [...this.#owned.inSession(id.lockId)]) {
      if (performance.now() >= lease.deadlineMs) void this.#end(lease, 'expired');
    }
    const name = `${request.leaseId}\0${request.key}`;
    let renewed: Lease | undefined;
    const make = (): Operation | undefined => {
      if (this.#cancelled.has(name)) return undefined;
      if (request.waiter) this.#waiting.set(request.leaseId, { id, connection });
      renewed = this.#owned.find(request.key, request.leaseId);
      if (renewed) return ['e', id.lockId, request.leaseId, renewed.fencingToken, request.ttlMs * 1_000, null, null];
      return this.#acquireOperation(request, id, connection);
    };
    const reply = await connection.submit<AcquireTuple | ExtendTuple>(id.lockId, true, make);
    if (!reply) return { acquired: false, holders: [], retryAfterMs: behindWaitersMs };
    if (renewed) return this.#acquiredAgain(request, id, renewed, reply as ExtendTuple);
    const answer = reply as AcquireTuple;
    if (answer[0] === 1) return this.#granted(request, id, connection, answer);
    if (answer[3] === 1 && again) return this.#attempt(request, id, connection, false);
    const [, holders, retryUs] = answer;
    return {
      acquired: false,
      holders: holders.map(decodeHolder),
      retryAfterMs: retryUs === null ? behindWaitersMs : Math.max(1, Math.ceil(retryUs / 1_000)),
    };
  }

  async #takeOutOfQueue(
    { id, connection }: { id: KeyId; connection: HoldingConnection },
    leaseId: string,
  ): Promise<void> {
    if (connection.gone) await this.#operator.cancelWait(id, leaseId);
    else await connection.submit(id.lockId, false, () => ['c', id.lockId, leaseId]);
  }

  #acquireOperation(request: AcquireRequest, id: KeyId, connection: HoldingConnection): Operation {
    let busy = 0;
    const slots: number[] = [];
    for (const lease of this.#owned.inSession(id.lockId)) {
      if (lease.connection !== connection) continue;
      // The same session would be granted its own lock again.
      if (request.mode === 'exclusive' || lease.mode === 'exclusive') busy = 1;
      if (lease.id.key === id.key && lease.slot !== null) slots.push(lease.slot);
    }
    return [
      ...(['a', id.lockId, id.hash, id.hex, request.leaseId] as const),
      modes.indexOf(request.mode),
      request.permits,
      request.ttlMs * 1_000,
      request.tokens ?? 1,
      encodeInfo(request),
      request.sessionId === undefined ? null : sha256Hex(request.sessionId),
      request.waiter ? request.waiter.ttlMs * 1_000 : null,
      busy,
      slots,
    ];
  }

  #granted(
    request: AcquireRequest,
    id: KeyId,
    connection: HoldingConnection,
    [, fencingToken, lastToken, slot]: AcquireTuple & readonly [1, number, number, number | null],
  ): AcquireReply {
    this.#waiting.delete(request.leaseId);
    if (connection.gone) throw new StoreError('The lock connection was lost', { store: storeName, kind: 'connection' });
    const { leaseId, mode, sessionId } = request;
    const lease: Lease = {
      id,
      leaseId,
      mode,
      connection,
      fencingToken,
      lastToken,
      slot,
      sessionId,
      deadlineMs: 0,
      timer: undefined,
    };
    this.#owned.add(lease);
    connection.leases += 1;
    this.#prolong(lease, request.ttlMs);
    return { acquired: true, fencingToken, lastToken };
  }

  #acquiredAgain(
    request: AcquireRequest,
    id: KeyId,
    lease: Lease,
    reply: ExtendTuple,
  ): AcquireReply | Promise<AcquireReply> {
    const { fencingToken, lastToken, connection } = lease;
    if (reply[0] === 1) {
      this.#prolong(lease, request.ttlMs);
      return { acquired: true, fencingToken, lastToken };
    }
    void this.#end(lease, reply[1]);
    return this.#attempt(request, id, connection, true);
  }

  async #extendOne({ key, leaseId, fencingToken, ttlMs, holder }: ExtendRequest): Promise<ExtendReply> {
    const lease = this.#ownedNow(key, leaseId, fencingToken);
    if (!lease) return { extended: false, reason: this.#owned.whyGone(key, leaseId) };
    await lease.connection.lengthen(this.#settings.classes.classFor(ttlMs));
    // What inspect shows of the session stays: a lock is passed on within it only.
    const info = holder ? encodeInfo({ ...holder, sessionId: lease.sessionId }) : null;
    const make = (): Operation => [
      'e',
      lease.id.lockId,
      leaseId,
      fencingToken,
      ttlMs * 1_000,
      info,
      holder?.fencingToken ?? null,
    ];
    const reply = (await lease.connection.submit<ExtendTuple>(lease.id.lockId, false, make)) as ExtendTuple;
    if (reply[0] === 1) {
      if (this.#owned.find(key, leaseId) !== lease)
        return { extended: false, reason: this.#owned.whyGone(key, leaseId) };
      this.#prolong(lease, ttlMs);
      return { extended: true };
    }
    void this.#end(lease, reply[1]);
    return { extended: false, reason: reply[1] };
  }

  async #releaseOne({ key, leaseId, fencingToken, next }: ReleaseRequest): Promise<ReleaseReply> {
    const lease = this.#ownedNow(key, leaseId, fencingToken);
    if (!lease) return { released: false, reason: this.#owned.whyGone(key, leaseId) };
    const giving = this.#giveBack(lease);
    // Behind the release in the same batch, when it belongs on the same connection.
    const following =
      next && this.#inbox.listening && this.#settings.classes.classFor(next.ttlMs) === lease.connection.idleMs
        ? this.#underWay(next, this.#attempt(next, lease.id, lease.connection, false))
        : undefined;
    // When both fail it is for the same reason, and the release is the one that tells.
    following?.catch(() => {});
    const [found, expired, evicted] = await giving;
    const reason = evicted ?? (expired === 1 ? 'expired' : found === 0 ? 'forced' : undefined);
    const reply = reason === undefined ? { released: true } : { released: false, reason };
    return following ? { ...reply, next: await following } : reply;
  }

  /** The lease if this process holds it under that token and its time is not up. */
  #ownedNow(key: string, leaseId: string, fencingToken: number): Lease | undefined {
    const lease = this.#owned.find(key, leaseId);
    if (lease?.fencingToken !== fencingToken) return undefined;
    if (performance.now() < lease.deadlineMs) return lease;
    void this.#end(lease, 'expired');
    return undefined;
  }

  /** Starts the lease's time anew; its end is a timer's, whatever the server's longer one. */
  #prolong(lease: Lease, ttlMs: number): void {
    lease.deadlineMs = performance.now() + ttlMs;
    if (lease.timer) return;
    const check = (): void => {
      const leftMs = lease.deadlineMs - performance.now();
      if (leftMs <= 0) void this.#end(lease, 'expired');
      else lease.timer = setTimeout(check, Math.min(Math.ceil(leftMs), 2 ** 31 - 1)).unref();
    };
    lease.timer = setTimeout(check, Math.min(Math.ceil(ttlMs), 2 ** 31 - 1)).unref();
  }

  /** Ends a lease for its holder, who is told. */
  async #end(lease: Lease, reason: LockLostReason): Promise<void> {
    const giving = this.#giveBack(lease, reason);
    this.#lost(lease, reason);
    // The connection that failed has told of its end already, and took the lock with it.
    await giving.catch(() => {});
  }

  async #giveBack(lease: Lease, why?: LockLostReason): Promise<ReleaseTuple> {
    const { id, leaseId, mode, slot, connection } = lease;
    if (!this.#owned.remove(lease, why)) return [0, 0, null, null];
    try {
      const make = (): Operation => {
        this.#owned.leftSession(lease);
        return ['r', id.lockId, leaseId, modes.indexOf(mode), slot, id.hash];
      };
      return (await connection.submit<ReleaseTuple>(id.lockId, false, make)) as ReleaseTuple;
    } catch (error) {
      // A lock that cannot be given back must not stay: its session ends.
      if (!connection.gone) await connection.close();
      throw error;
    } finally {
      this.#owned.leftSession(lease);
      connection.released();
    }
  }

  async #endWanted(
    wanted: readonly Wanted[],
    reason: LockLostReason,
  ): Promise<{ released: Wanted[]; pending: Wanted[] }> {
    const released: Wanted[] = [];
    const pending: Wanted[] = [];
    const ending = wanted.map(async (each) => {
      const lease = each.own ? this.#owned.find(each.key, each.holder.leaseId) : undefined;
      if (lease) await this.#end(lease, reason);
      (each.own ? released : pending).push(each);
    });
    await Promise.all(ending);
    return { released, pending };
  }

  async #connectionOf(request: AcquireRequest): Promise<HoldingConnection> {
    const classMs = this.#settings.classes.classFor(request.ttlMs);
    const held = this.#owned.find(request.key, request.leaseId);
    if (held) {
      await held.connection.lengthen(classMs);
      return held.connection;
    }
    let connection = this.#connections.get(classMs);
    if (!connection) {
      connection = new HoldingConnection({
        connection: this.#settings.connection,
        names: this.#settings.names,
        channel: this.#channel,
        idleMs: classMs,
        stuckMs: Math.min(classMs, this.#settings.answerTimeoutMs),
        onGone: (gone) => this.#gone(gone),
      });
      this.#connections.set(classMs, connection);
    }
    return connection;
  }

  #gone(connection: HoldingConnection): void {
    if (this.#connections.get(connection.idleMs) === connection) this.#connections.delete(connection.idleMs);
    for (const lease of this.#owned.all()) {
      if (lease.connection !== connection) continue;
      this.#owned.leftSession(lease);
      if (this.#owned.remove(lease, 'connection')) this.#lost(lease, 'connection');
    }
  }

  #lost({ id, leaseId }: Lease, reason: LockLostReason): void {
    for (const listener of this.#listeners) listener.lost({ key: id.key, leaseId }, reason);
  }

  #wake(id: KeyId | undefined): void {
    if (id) for (const listener of this.#listeners) listener.wake(id.key);
  }

  #idOf(key: string): KeyId {
    return keyIdOf(key, this.#settings.hashLock);
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError('The store is closed');
  }
}
