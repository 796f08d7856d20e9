import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { AcquireRequest, LockLostReason, LockStore } from '@headgate/core';

/** A granted request with its token. */
export type Held = AcquireRequest & { readonly fencingToken: number; readonly lastToken: number };

export function request(key: string, rest: Partial<AcquireRequest> = {}): AcquireRequest {
  return {
    key,
    leaseId: randomBytes(9).toString('hex'),
    mode: 'exclusive',
    ownerId: 'test',
    permits: 1,
    ttlMs: 10_000,
    ...rest,
  };
}

export async function take(store: LockStore, key: string, rest: Partial<AcquireRequest> = {}): Promise<Held> {
  const asked = request(key, rest);
  const reply = await store.acquire(asked);
  if (!reply.acquired) throw new Error(`${key} was refused: ${JSON.stringify(reply)}`);
  return { ...asked, fencingToken: reply.fencingToken, lastToken: reply.lastToken };
}

export async function refused(store: LockStore, key: string, rest: Partial<AcquireRequest> = {}): Promise<void> {
  expect(await store.acquire(request(key, rest))).toMatchObject({ acquired: false });
}

/** What a store tells of lost leases, in order. */
export function losses(store: LockStore): { readonly leaseId: string; readonly reason: LockLostReason }[] {
  const told: { leaseId: string; reason: LockLostReason }[] = [];
  store.watch?.({ wake: () => {}, lost: ({ leaseId }, reason) => void told.push({ leaseId, reason }) });
  return told;
}
