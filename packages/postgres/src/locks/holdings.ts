import { StoreError } from '@headgate/core';
import { storeName } from '../errors.js';
import { Expiries } from './expiries.js';
import { HoldingConnection } from './holding-connection.js';
import { leaseName, OwnedLeases } from './lease.js';
import { encodeInfo, modes } from './wire.js';
import type { ExtendReply, ExtendRequest, LockLostReason } from '@headgate/core';
import type { Operation } from './gathering.js';
import type { Lease } from './lease.js';
import type { LockSettings } from './options.js';
import type { ExtendTuple, ReleaseTuple } from './wire.js';

/** What this process holds, and the connections that hold it: one per ttl class. */
export class Holdings {
  readonly owned: OwnedLeases = new OwnedLeases();
  readonly #settings: LockSettings;
  readonly #channel: string;
  readonly #lost: (lease: Lease, reason: LockLostReason) => void;
  readonly #connections = new Map<number, HoldingConnection>();
  readonly #expiries = new Expiries(
    () => this.owned.all(),
    (lease) => void this.end(lease, 'expired'),
  );

  /** `lost` is told of each lease that ended without its holder releasing it. */
  constructor(settings: LockSettings, channel: string, lost: (lease: Lease, reason: LockLostReason) => void) {
    this.#settings = settings;
    this.#channel = channel;
    this.#lost = lost;
  }

  /** The connection that has the lease of that name, or that its ttl belongs on. */
  connectionFor(name: string, ttlMs: number): HoldingConnection | Promise<HoldingConnection> {
    const classMs = this.#settings.classes.classFor(ttlMs);
    const held = this.owned.find(name);
    if (held) return held.connection.lengthen(classMs).then(() => held.connection);
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

  /** A lease was granted for `ttlMs` on its connection. */
  add(lease: Lease, ttlMs: number): void {
    if (lease.connection.gone)
      throw new StoreError('The lock connection was lost', { store: storeName, kind: 'connection' });
    this.owned.add(lease);
    lease.connection.leases += 1;
    this.prolong(lease, ttlMs);
  }

  /** The lease if this process holds it under that token and its time is not up. */
  current(name: string, fencingToken: number): Lease | undefined {
    const lease = this.owned.find(name);
    if (lease?.fencingToken !== fencingToken) return undefined;
    if (performance.now() < lease.deadlineMs) return lease;
    void this.end(lease, 'expired');
    return undefined;
  }

  async extend(request: ExtendRequest): Promise<ExtendReply> {
    const { leaseId, fencingToken, ttlMs, holder } = request;
    const name = leaseName(request);
    const lease = this.current(name, fencingToken);
    if (!lease) return { extended: false, reason: this.owned.whyGone(name) };
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
      if (this.owned.find(name) !== lease) return { extended: false, reason: this.owned.whyGone(name) };
      this.prolong(lease, ttlMs);
      return { extended: true };
    }
    void this.end(lease, reply[1]);
    return { extended: false, reason: reply[1] };
  }

  /** Starts the lease's time anew; its end is a timer's, whatever the server's longer one. */
  prolong(lease: Lease, ttlMs: number): void {
    lease.deadlineMs = performance.now() + ttlMs;
    this.#expiries.at(lease.deadlineMs);
  }

  /** Ends a lease for its holder, who is told. */
  async end(lease: Lease, reason: LockLostReason): Promise<void> {
    const giving = this.giveBack(lease, reason);
    this.#lost(lease, reason);
    // The connection that failed has told of its end already, and took the lock with it.
    await giving.catch(() => {});
  }

  /** Gives the lock back without telling the holder; if that fails, the connection ends, and the lock with it. */
  async giveBack(lease: Lease, why?: LockLostReason): Promise<ReleaseTuple> {
    const { id, leaseId, mode, slot, connection } = lease;
    if (!this.owned.remove(lease, why)) return [0, 0, null, null];
    let left = false;
    const leave = (): void => {
      this.owned.leftSession(lease);
      if (!left) connection.released();
      left = true;
    };
    try {
      const make = (): Operation => {
        leave();
        return ['r', id.lockId, leaseId, modes.indexOf(mode), slot, id.hash];
      };
      return (await connection.submit<ReleaseTuple>(id.lockId, false, make)) as ReleaseTuple;
    } catch (error) {
      // A lock that cannot be given back must not stay: its session ends.
      if (!connection.gone) await connection.close();
      throw error;
    } finally {
      leave();
    }
  }

  /** Ends every lease and every connection. */
  async close(): Promise<void> {
    this.#expiries.stop();
    for (const lease of this.owned.all()) {
      this.owned.remove(lease, 'closed');
      this.#lost(lease, 'closed');
    }
    await Promise.all([...this.#connections.values()].map((each) => each.close()));
  }

  #gone(connection: HoldingConnection): void {
    if (this.#connections.get(connection.idleMs) === connection) this.#connections.delete(connection.idleMs);
    for (const lease of this.owned.all()) {
      if (lease.connection !== connection) continue;
      this.owned.leftSession(lease);
      if (this.owned.remove(lease, 'connection')) this.#lost(lease, 'connection');
    }
  }
}
