import assert from 'node:assert/strict';
import type {
  AcquireReply,
  AcquireRequest,
  ExtendReply,
  LeaseRef,
  LockStore,
  ReleaseReply,
  ReleaseRequest,
} from '@headgate/core';
import { randomKey } from '../suite/random.js';

/** A lease that a store granted, and the request that got it. */
export interface Held extends LeaseRef {
  readonly fencingToken: number;
  readonly lastToken: number;
  readonly request: AcquireRequest;
}

/** An attempt that was refused. */
export type Refusal = Extract<AcquireReply, { acquired: false }>;

/** A request for `key` with a lease id of its own: exclusive for 30 s unless `over` says otherwise. */
export function request(key: string, over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { key, leaseId: randomKey('lease'), ownerId: 'owner', mode: 'exclusive', permits: 1, ttlMs: 30_000, ...over };
}

/** Makes one attempt and asserts that it is granted. */
export async function take(store: LockStore, key: string, over: Partial<AcquireRequest> = {}): Promise<Held> {
  const asked = request(key, over);
  return heldBy(asked, await store.acquire(asked));
}

/** Asserts that `reply` grants `asked`. */
export function heldBy(asked: AcquireRequest, reply: AcquireReply | undefined): Held {
  assert.ok(reply?.acquired, `expected ${JSON.stringify(asked.key)} to be granted, got ${JSON.stringify(reply)}`);
  const { fencingToken, lastToken } = reply;
  assert.ok(
    Number.isSafeInteger(fencingToken) && fencingToken > 0,
    `token ${fencingToken} is not a safe integer above 0`,
  );
  assert.equal(lastToken - fencingToken + 1, asked.tokens ?? 1, 'the block has as many tokens as were asked for');
  return { key: asked.key, leaseId: asked.leaseId, mode: asked.mode, fencingToken, lastToken, request: asked };
}

/** Makes one attempt and asserts that it is refused. */
export async function refuse(store: LockStore, key: string, over: Partial<AcquireRequest> = {}): Promise<Refusal> {
  const reply = await store.acquire(request(key, over));
  assert.equal(reply.acquired, false, `expected ${JSON.stringify(key)} to be refused; it was granted`);
  return reply;
}

/** Releases one lease. */
export async function release(store: LockStore, held: Held, next?: AcquireRequest): Promise<ReleaseReply> {
  const asked: ReleaseRequest = { ...ref(held), fencingToken: held.fencingToken, ...(next ? { next } : {}) };
  const replies = await store.release([asked]);
  assert.equal(replies.length, 1, 'one reply per release');
  return replies[0] as ReleaseReply;
}

/** Releases one lease and asserts that it was held. */
export async function giveBack(store: LockStore, held: Held): Promise<void> {
  const reply = await release(store, held);
  assert.equal(reply.released, true, `expected the release of ${held.key} to succeed, got ${JSON.stringify(reply)}`);
}

/** Extends one lease to `ttlMs` from now. */
export async function extend(store: LockStore, held: Held, ttlMs: number): Promise<ExtendReply> {
  const replies = await store.extend([{ ...ref(held), fencingToken: held.fencingToken, ttlMs }]);
  assert.equal(replies.length, 1, 'one reply per extension');
  return replies[0] as ExtendReply;
}

/** Asserts that exactly these leases hold `key`, by `inspect`. */
export async function assertHolders(store: LockStore, key: string, held: readonly Held[]): Promise<void> {
  const state = await store.inspect(key);
  const found = (state?.holders ?? []).map((holder) => `${holder.leaseId} ${holder.fencingToken}`).sort();
  assert.deepEqual(found, held.map((each) => `${each.leaseId} ${each.fencingToken}`).sort(), `holders of ${key}`);
  if (held.length === 0) assert.equal(state, null, 'inspect of a free key is null');
}

/** The part of a lease that names it. */
export function ref({ key, leaseId, mode }: LeaseRef): LeaseRef {
  return { key, leaseId, mode };
}

/** Everything an asynchronous iteration yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
