import assert from 'node:assert/strict';
import type {
  AcquireReply,
  AcquireRequest,
  ExtendReply,
  ExtendRequest,
  ForceReleaseReply,
  LeaseRef,
  LockCapabilities,
  LockState,
  ReleaseReply,
  ReleaseRequest,
  ReleaseSessionReply,
} from '@headgate/core';
import { inTheWay, type KeyState, type ModelLease, newKeyState } from './key-state.js';
import { doubt, lifeFrom, surelyAlive, surelyOver, type When } from './spans.js';

/** The fewest options a model needs of the store it judges. */
export type ModelledCapabilities = Pick<LockCapabilities, 'fairQueue' | 'remoteRelease' | 'expirySlackMs'>;

/**
 * The reference model of a lock store: told each operation with its answer, one after another, it throws an `AssertionError` at the first answer that no
 * correct store could give. It has no clock: every operation says when it took place. Between the ttl of a lease and its declared slack the model does
 * not know whether the lease lives, and learns it from the answers.
 */
export class LockModel {
  readonly #keys = new Map<string, KeyState>();
  readonly #capabilities: ModelledCapabilities;

  constructor(capabilities: ModelledCapabilities) {
    this.#capabilities = capabilities;
  }

  acquire(request: AcquireRequest, reply: AcquireReply, when: When): void {
    const state = this.#at(request.key, when);
    const own = state.leases.find((lease) => lease.leaseId === request.leaseId);
    if (own && reply.acquired && reply.fencingToken === own.fencingToken) {
      assert.equal(reply.lastToken, own.lastToken, 'a repeated acquire returns the stored block');
      this.#prolong(own, request.ttlMs, when);
      return;
    }
    if (own) {
      assert.ok(!surelyAlive(own, when), `lease ${own.leaseId} holds, and a repeated acquire did not say so`);
      state.leases = state.leases.filter((lease) => lease !== own);
    }
    if (reply.acquired) this.#granted(state, request, reply, when);
    else this.#refused(state, request, reply, when);
  }

  extend(request: ExtendRequest, reply: ExtendReply, when: When): void {
    const state = this.#at(request.key, when);
    const own = state.leases.find(
      (lease) => lease.leaseId === request.leaseId && lease.fencingToken === request.fencingToken,
    );
    if (reply.extended) {
      assert.ok(own, `${request.leaseId} was extended and did not hold`);
      this.#prolong(own, request.ttlMs, when);
    } else if (own) {
      assert.ok(!surelyAlive(own, when), `${request.leaseId} held and its extension was lost (${reply.reason})`);
      state.leases = state.leases.filter((lease) => lease !== own);
    }
  }

  release(request: ReleaseRequest, reply: ReleaseReply, when: When): void {
    const state = this.#at(request.key, when);
    const own = state.leases.find(
      (lease) => lease.leaseId === request.leaseId && lease.fencingToken === request.fencingToken,
    );
    if (reply.released) assert.ok(own, `${request.leaseId} was released and did not hold`);
    else if (own)
      assert.ok(!surelyAlive(own, when), `${request.leaseId} held and could not be released (${reply.reason})`);
    state.leases = state.leases.filter((lease) => lease !== own);
    if (request.next && reply.next) this.acquire(request.next, reply.next, when);
  }

  cancelWait(waiter: LeaseRef, when: When): void {
    const state = this.#at(waiter.key, when);
    state.waiters = state.waiters.filter(({ request }) => request.leaseId !== waiter.leaseId);
    state.leases = state.leases.filter((lease) => lease.leaseId !== waiter.leaseId);
  }

  /** `leaseId` is the lease that was meant, if only one was. */
  forceRelease(key: string, leaseId: string | undefined, reply: ForceReleaseReply, when: When): void {
    const state = this.#at(key, when);
    const meant = (id: string): boolean => leaseId === undefined || leaseId === id;
    const evicted = [...reply.released, ...reply.pending].map((holder) => holder.leaseId);
    this.#assertHolders(state, evicted, when, meant, `a forced release of ${key}`);
    if (leaseId === undefined || evicted.length > 0) {
      assert.ok(
        reply.fencingToken > state.lastToken,
        `forced token ${reply.fencingToken} is not above ${state.lastToken}`,
      );
      this.#issue(state, reply.fencingToken, reply.fencingToken);
    }
    this.#end(state, meant, new Set(reply.pending.map((holder) => holder.leaseId)));
  }

  releaseSession(prefix: string, sessionId: string, reply: ReleaseSessionReply, when: When): void {
    const answered = new Set([...reply.released, ...reply.pending]);
    for (const [key, state] of this.#keys) {
      this.#at(key, when);
      const leases = state.leases.filter((lease) => key.startsWith(prefix) && lease.sessionId === sessionId);
      const waiters = state.waiters.filter(({ request }) => key.startsWith(prefix) && request.sessionId === sessionId);
      if (answered.delete(key)) {
        assert.ok(leases.length + waiters.length > 0, `session ${sessionId} was said to hold ${key}`);
      } else {
        assert.ok(!leases.some((lease) => surelyAlive(lease, when)), `session ${sessionId} kept ${key}`);
      }
      const own = new Set([...leases.map(({ leaseId }) => leaseId), ...waiters.map(({ request }) => request.leaseId)]);
      this.#end(state, (id) => own.has(id), reply.pending.includes(key) ? own : new Set());
    }
    assert.deepEqual([...answered], [], `session ${sessionId} never asked for these`);
  }

  inspect(key: string, shown: LockState | null, when: When): void {
    const state = this.#at(key, when);
    this.#assertHolders(
      state,
      (shown?.holders ?? []).map(({ leaseId }) => leaseId),
      when,
      () => true,
      `inspect of ${key}`,
    );
    if (!shown) return;
    assert.equal(shown.key, key);
    assert.ok(
      shown.fencingToken >= state.lastToken,
      `inspect shows token ${shown.fencingToken} after ${state.lastToken}`,
    );
    for (const holder of shown.holders) {
      const lease = state.leases.find(({ leaseId }) => leaseId === holder.leaseId);
      if (lease) assert.equal(holder.fencingToken, lease.fencingToken, 'inspect shows the token as granted');
    }
  }

  /** Everything that a listing of `prefix` (and of `sessionId`, if given) showed. */
  list(prefix: string, sessionId: string | undefined, shown: readonly LockState[], when: When): void {
    const keys = shown.map((state) => state.key);
    assert.equal(new Set(keys).size, keys.length, 'a listing shows a key once');
    for (const [key, state] of this.#keys) {
      this.#at(key, when);
      const matches = (session: string | undefined): boolean =>
        key.startsWith(prefix) && (sessionId === undefined || session === sessionId);
      const leases = state.leases.filter((lease) => matches(lease.sessionId));
      const waiters = state.waiters.filter(({ request }) => matches(request.sessionId));
      if (keys.includes(key)) assert.ok(leases.length + waiters.length > 0, `${key} is listed and nobody holds it`);
      else assert.ok(!leases.some((lease) => surelyAlive(lease, when)), `${key} is held and not listed`);
    }
  }

  #granted(state: KeyState, request: AcquireRequest, reply: AcquireReply & { acquired: true }, when: When): void {
    const { leaseId, mode, permits } = request;
    const sure = state.leases.filter((lease) => surelyAlive(lease, when));
    const wall = inTheWay(sure, mode, permits);
    assert.equal(
      wall.length,
      0,
      `${leaseId} (${mode}) was granted beside ${wall.map((lease) => `${lease.leaseId} (${lease.mode})`)}`,
    );
    // An incompatible lease of which we were not sure is over: the grant proves it.
    if (mode !== 'permit') state.leases = state.leases.filter((lease) => lease.mode === mode && mode === 'shared');

    const place = state.waiters.findIndex((waiter) => waiter.request.leaseId === leaseId);
    const waiter = state.waiters[place];
    if (this.#capabilities.fairQueue && waiter?.unplaced !== true) {
      const earlier = state.waiters.slice(0, place < 0 ? undefined : place);
      const overtaken = earlier.find(
        (other) => surelyAlive(other, when) && (mode === 'exclusive' || other.request.mode !== mode),
      );
      assert.ok(!overtaken, `${leaseId} overtook ${overtaken?.request.leaseId} in the queue`);
    }
    state.waiters = state.waiters.filter((other) => other !== waiter);

    const floor = waiter?.floor ?? state.lastToken;
    assert.ok(reply.fencingToken > floor, `token ${reply.fencingToken} is not above ${floor}`);
    assert.equal(
      reply.lastToken - reply.fencingToken + 1,
      request.tokens ?? 1,
      'the block has as many tokens as asked for',
    );
    this.#issue(state, reply.fencingToken, reply.lastToken);
    state.leases.push({
      leaseId,
      sessionId: request.sessionId,
      mode,
      permits,
      fencingToken: reply.fencingToken,
      lastToken: reply.lastToken,
      ...this.#life(when, request.ttlMs),
    });
  }

  #refused(state: KeyState, request: AcquireRequest, reply: AcquireReply & { acquired: false }, when: When): void {
    const { leaseId, mode, permits } = request;
    const others = state.waiters.filter((waiter) => waiter.request.leaseId !== leaseId);
    const wall = inTheWay(state.leases, mode, permits);
    assert.ok(wall.length + others.length > 0, `${leaseId} (${mode}) was refused and nothing stands in its way`);
    const named = reply.holders.map((holder) => holder.leaseId);
    const possible = new Set([...state.leases, ...others.map((waiter) => waiter.request)].map((each) => each.leaseId));
    for (const id of named) assert.ok(possible.has(id), `the refusal names ${id}, which does not hold`);
    for (const lease of inTheWay(
      state.leases.filter((each) => surelyAlive(each, when)),
      mode,
      permits,
    )) {
      assert.ok(named.includes(lease.leaseId), `the refusal does not name ${lease.leaseId}, which holds`);
    }
    assert.ok(reply.retryAfterMs >= 0, `retryAfterMs is ${reply.retryAfterMs}`);
    if (!request.waiter) return;
    const slackMs = this.#capabilities.expirySlackMs(request.ttlMs);
    const life = {
      sureUntilMs: when.sentMs + Math.min(request.waiter.ttlMs, request.ttlMs),
      // It may be granted at the last moment of its wait, and then lives on as a lease.
      overFromMs: when.returnedMs + request.waiter.ttlMs + request.ttlMs + 2 * slackMs,
    };
    const waiter = state.waiters.find((each) => each.request.leaseId === leaseId);
    if (waiter && surelyAlive(waiter, when)) {
      Object.assign(waiter, life);
      return;
    }
    // Evicted, expired or asked for the first time: it waits behind the others, unless it kept a place that we were not sure of.
    state.waiters = state.waiters.filter((other) => other !== waiter);
    state.waiters.push({ request, floor: waiter?.floor ?? state.lastToken, unplaced: waiter !== undefined, ...life });
  }

  // Ends the leases and doubts the waiters of these ids; a lease whose process has yet to answer is only doubted.
  #end(state: KeyState, ids: (leaseId: string) => boolean, pending: ReadonlySet<string>): void {
    state.leases = state.leases.filter((lease) => !ids(lease.leaseId) || pending.has(lease.leaseId));
    for (const lease of state.leases) {
      if (!ids(lease.leaseId)) continue;
      lease.leaving = true;
      doubt(lease);
    }
    for (const waiter of state.waiters) if (ids(waiter.request.leaseId)) doubt(waiter);
  }

  #assertHolders(
    state: KeyState,
    named: readonly string[],
    when: When,
    meant: (leaseId: string) => boolean,
    what: string,
  ): void {
    const possible = new Set(
      [...state.leases, ...state.waiters.map(({ request }) => request)].map((each) => each.leaseId),
    );
    for (const id of named) assert.ok(possible.has(id) && meant(id), `${what} names ${id}, which does not hold`);
    const missing = state.leases.find(
      (lease: ModelLease) => meant(lease.leaseId) && surelyAlive(lease, when) && !named.includes(lease.leaseId),
    );
    assert.ok(!missing, `${what} does not name ${missing?.leaseId}, which holds`);
  }

  #issue(state: KeyState, first: number, last: number): void {
    for (let token = first; token <= last; token++) {
      assert.ok(!state.issued.has(token), `token ${token} was issued twice`);
      state.issued.add(token);
    }
    state.lastToken = Math.max(state.lastToken, last);
  }

  #prolong(lease: ModelLease, ttlMs: number, when: When): void {
    Object.assign(lease, this.#life(when, ttlMs));
    if (lease.leaving) doubt(lease);
  }

  #life(when: When, ttlMs: number): { sureUntilMs: number; overFromMs: number } {
    return lifeFrom(when, ttlMs, this.#capabilities.expirySlackMs(ttlMs));
  }

  #at(key: string, when: When): KeyState {
    const state = this.#keys.get(key) ?? newKeyState();
    this.#keys.set(key, state);
    state.leases = state.leases.filter((lease) => !surelyOver(lease, when));
    state.waiters = state.waiters.filter((waiter) => !surelyOver(waiter, when));
    return state;
  }
}
