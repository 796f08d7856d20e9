import { standMs } from '../sql/locks-stand.js';
import { sha256Hex } from './key-id.js';
import { leaseName } from './lease.js';
import { decodeHolder, encodeInfo, modes } from './wire.js';
import type { AcquireReply, AcquireRequest, LeaseRef } from '@headgate/core';
import type { Operation } from './gathering.js';
import type { HoldingConnection } from './holding-connection.js';
import type { Holdings } from './holdings.js';
import type { Inbox } from './inbox.js';
import type { KeyId } from './key-id.js';
import type { Lease } from './lease.js';
import type { Operator } from './operator.js';
import type { AcquireTuple, ExtendTuple } from './wire.js';

/** When only waiters stand in the way, the first of them has been told: asking again makes sense after this long, milliseconds. */
const behindWaitersMs = 250;

/** A lease of a shorter ttl could lose too much of it while its attempt waits at the lock, milliseconds. */
const shortestStandingTtlMs = 10 * standMs;

/** A waiter that this process has in the store's queue. */
interface Waiting {
  readonly id: KeyId;
  readonly connection: HoldingConnection;
  /** Whether its next attempt may wait at the lock itself. */
  stands: boolean;
}

/** Attempts to take a lock, from the question to the lease or the place in the queue, and their cancellation. */
export class Attempts {
  readonly #holdings: Holdings;
  readonly #inbox: Inbox;
  readonly #operator: Operator;
  /** Waiters that this process has in the store's queue. */
  readonly #waiting = new Map<string, Waiting>();
  /** Attempts under way whose caller has gone. */
  readonly #cancelled = new Set<string>();
  /** Attempts under way, which a cancellation has to wait for. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(holdings: Holdings, inbox: Inbox, operator: Operator) {
    this.#holdings = holdings;
    this.#inbox = inbox;
    this.#operator = operator;
  }

  /** How many waiters this process has in the store's queue. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The lock that a waiter of this process waits for. */
  waitsFor(leaseId: string): KeyId | undefined {
    return this.#waiting.get(leaseId)?.id;
  }

  /** A waiter is the next in line: its lock, if its next attempt is going to wait there. */
  mayStand(leaseId: string): KeyId | undefined {
    const waiting = this.#waiting.get(leaseId);
    if (!waiting?.connection.mayStandAt(waiting.id.lockId)) return undefined;
    waiting.stands = true;
    return waiting.id;
  }

  /** Every lock that a waiter of this process waits for. */
  *waitedFor(): IterableIterator<KeyId> {
    for (const { id } of this.#waiting.values()) yield id;
  }

  start(request: AcquireRequest, idOf: (key: string) => KeyId): Promise<AcquireReply> {
    return this.#track(request, (name) => this.#first(name, request, idOf(request.key)));
  }

  /** Sends an attempt behind what this process has submitted to `connection` in the same turn. */
  follow(request: AcquireRequest, id: KeyId, connection: HoldingConnection): Promise<AcquireReply> {
    return this.#track(request, (name) => this.#attempt(name, request, id, connection, false));
  }

  /** Withdraws the attempt and the waiter; resolves when neither can leave a lease behind. */
  async cancel(waiter: LeaseRef): Promise<void> {
    const { leaseId } = waiter;
    const name = leaseName(waiter);
    const attempt = this.#underWay.get(name);
    const waiting = this.#waiting.get(leaseId);
    this.#waiting.delete(leaseId);
    // Right behind the attempt that may be under way; one that has yet to leave stays here.
    if (attempt) this.#cancelled.add(name);
    try {
      const cancelling = waiting && this.#takeOutOfQueue(waiting, leaseId);
      // What became of the attempt is its caller's to hear; here it only has to be over.
      await Promise.all([cancelling, attempt?.catch(() => {})]);
      const lease = this.#holdings.owned.find(name);
      if (lease) await this.#holdings.giveBack(lease);
    } finally {
      this.#cancelled.delete(name);
    }
  }

  /** Makes an attempt known to cancellations until it is over. */
  async #track(request: AcquireRequest, begin: (name: string) => Promise<AcquireReply>): Promise<AcquireReply> {
    const name = leaseName(request);
    const attempt = begin(name);
    this.#underWay.set(name, attempt);
    try {
      return await attempt;
    } finally {
      if (this.#underWay.get(name) === attempt) this.#underWay.delete(name);
    }
  }

  #first(name: string, request: AcquireRequest, id: KeyId): Promise<AcquireReply> {
    const connection = this.#holdings.connectionFor(name, request.ttlMs);
    // Nothing to wait for, as a rule: many at once are answered sooner without another promise each.
    if (this.#inbox.listening && !(connection instanceof Promise))
      return this.#attempt(name, request, id, connection, true);
    return this.#whenHeard(name, request, id, connection);
  }

  async #whenHeard(
    name: string,
    request: AcquireRequest,
    id: KeyId,
    found: HoldingConnection | Promise<HoldingConnection>,
  ): Promise<AcquireReply> {
    const connection = await found;
    // A waiter must hear its turn, and a holder that somebody wants its lease back; only the former has to be sure before it asks.
    if (request.waiter) await this.#inbox.listen();
    else this.#inbox.listen().catch(() => {}); // the next call tries again; renewals tell of an eviction too
    return this.#attempt(name, request, id, connection, true);
  }

  /** One attempt on the connection of the lease's class; a waiter that has just been queued asks once more, since the holder may have left in between. */
  async #attempt(
    name: string,
    request: AcquireRequest,
    id: KeyId,
    connection: HoldingConnection,
    again: boolean,
  ): Promise<AcquireReply> {
    const { owned } = this.#holdings;
    const expired = owned.inSession(id.lockId).filter(({ deadlineMs }) => performance.now() >= deadlineMs);
    for (const lease of expired) void this.#holdings.end(lease, 'expired');
    let renewed: Lease | undefined;
    const stands = request.ttlMs >= shortestStandingTtlMs && this.#waiting.get(request.leaseId)?.stands === true;
    const make = (): Operation | undefined => {
      if (this.#cancelled.has(name)) return undefined;
      if (request.waiter) this.#waiting.set(request.leaseId, { id, connection, stands: false });
      renewed = owned.find(name);
      if (renewed) return ['e', id.lockId, request.leaseId, renewed.fencingToken, request.ttlMs * 1_000, null, null];
      return this.#operation(request, id, connection);
    };
    const reply = await connection.submit<AcquireTuple | ExtendTuple>(id.lockId, true, make, stands);
    if (!reply) return { acquired: false, holders: [], retryAfterMs: behindWaitersMs };
    if (renewed) return this.#acquiredAgain(name, request, id, renewed, reply as ExtendTuple);
    const answer = reply as AcquireTuple;
    if (answer[0] === 1) return this.#granted(name, request, id, connection, answer);
    if (answer[3] === 1 && again) return this.#attempt(name, request, id, connection, false);
    const [, holders, retryUs] = answer;
    return {
      acquired: false,
      holders: holders.map(decodeHolder),
      retryAfterMs: retryUs === null ? behindWaitersMs : Math.max(1, Math.ceil(retryUs / 1_000)),
    };
  }

  async #takeOutOfQueue({ id, connection }: Waiting, leaseId: string): Promise<void> {
    if (connection.gone) await this.#operator.cancelWait(id, leaseId);
    else await connection.submit(id.lockId, false, () => ['c', id.lockId, leaseId]);
  }

  #operation(request: AcquireRequest, id: KeyId, connection: HoldingConnection): Operation {
    let busy = 0;
    const slots: number[] = [];
    for (const lease of this.#holdings.owned.inSession(id.lockId)) {
      if (lease.connection !== connection) continue;
      // The same session would be granted its own lock again.
      if (request.mode === 'exclusive' || lease.mode === 'exclusive') busy = 1;
      if (lease.id.key === id.key && lease.slot !== null) slots.push(lease.slot);
    }
    return [
      'a',
      id.lockId,
      id.hash,
      id.hex,
      request.leaseId,
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
    name: string,
    request: AcquireRequest,
    id: KeyId,
    connection: HoldingConnection,
    [, fencingToken, lastToken, slot]: AcquireTuple & readonly [1, number, number, number | null],
  ): AcquireReply {
    const { leaseId, mode, sessionId } = request;
    this.#waiting.delete(leaseId);
    const held = { name, id, leaseId, mode, connection, fencingToken, lastToken, slot, sessionId };
    this.#holdings.add({ ...held, deadlineMs: 0 }, request.ttlMs);
    return { acquired: true, fencingToken, lastToken };
  }

  #acquiredAgain(
    name: string,
    request: AcquireRequest,
    id: KeyId,
    lease: Lease,
    reply: ExtendTuple,
  ): AcquireReply | Promise<AcquireReply> {
    const { fencingToken, lastToken, connection } = lease;
    if (reply[0] === 1) {
      this.#holdings.prolong(lease, request.ttlMs);
      return { acquired: true, fencingToken, lastToken };
    }
    void this.#holdings.end(lease, reply[1]);
    return this.#attempt(name, request, id, connection, true);
  }
}
