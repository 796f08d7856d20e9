import { createManualClock, StoreFullError } from '@headgate/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { memoryLockStore } from './index.js';
import type { AcquireRequest, LeaseRef, LockLostReason, ManualClock } from '@headgate/core';

let clock: ManualClock;
let store: ReturnType<typeof memoryLockStore>;
let woken: string[];
let lost: string[];

beforeEach(() => {
  clock = createManualClock();
  store = memoryLockStore({ clock });
  woken = [];
  lost = [];
  store.watch({
    wake: (key) => woken.push(key),
    lost: ({ leaseId }: Pick<LeaseRef, 'leaseId'>, reason: LockLostReason) => lost.push(`${leaseId} ${reason}`),
  });
});

function ask(leaseId: string, more: Partial<AcquireRequest> = {}): AcquireRequest {
  return { key: 'k', leaseId, mode: 'exclusive', ownerId: `owner of ${leaseId}`, permits: 1, ttlMs: 1000, ...more };
}

const waiting = { waiter: { ttlMs: 5000 } };

async function take(leaseId: string, more: Partial<AcquireRequest> = {}): Promise<number> {
  const reply = await store.acquire(ask(leaseId, more));
  if (!reply.acquired) throw new Error(`${leaseId} was refused`);
  return reply.fencingToken;
}

async function isHolding(leaseId: string): Promise<boolean> {
  const state = await store.inspect('k');
  return state?.holders.some((holder) => holder.leaseId === leaseId) ?? false;
}

const ref = (leaseId: string, fencingToken: number) => ({
  key: 'k',
  leaseId,
  mode: 'exclusive' as const,
  fencingToken,
});

describe('one holder', () => {
  it('names the holder and the time left to whom it refuses', async () => {
    const fencingToken = await take('a', { sessionId: 's', metadata: { job: '1' } });
    await clock.advance(400);
    expect(await store.acquire(ask('b'))).toEqual({
      acquired: false,
      retryAfterMs: 600,
      holders: [
        {
          leaseId: 'a',
          ownerId: 'owner of a',
          sessionId: 's',
          metadata: { job: '1' },
          fencingToken,
          acquiredAtMs: 1_704_067_200_000,
          expiresAtMs: 1_704_067_201_000,
        },
      ],
    });
  });

  it('answers a repeated attempt with the same tokens and a full ttl', async () => {
    const first = await store.acquire(ask('a', { tokens: 16 }));
    await clock.advance(900);
    expect(await store.acquire(ask('a', { tokens: 16 }))).toEqual(first);
    await clock.advance(900);
    expect(await isHolding('a')).toBe(true);
  });

  it('frees a lease at its ttl to the microsecond, and can neither extend nor release it then', async () => {
    const token = await take('a');
    await clock.advance(999.999);
    expect((await store.acquire(ask('b'))).acquired).toBe(false);
    await clock.advance(0.001);
    expect(await store.inspect('k')).toBeNull();
    expect(await store.extend([{ ...ref('a', token), ttlMs: 1000 }])).toEqual([{ extended: false, reason: 'expired' }]);
    expect(await store.release([ref('a', token)])).toEqual([{ released: false, reason: 'expired' }]);
    expect((await store.acquire(ask('b'))).acquired).toBe(true);
    expect(lost).toEqual(['a expired']);
  });

  it('holds for the monotonic ttl whatever the wall clock does', async () => {
    await take('a');
    clock.setNowUs(clock.nowUs() + 3_600_000_000);
    expect((await store.acquire(ask('b'))).acquired).toBe(false);
    clock.setNowUs(clock.nowUs() - 7_200_000_000);
    await clock.advance(1000);
    expect((await store.acquire(ask('b'))).acquired).toBe(true);
  });

  it('extends from now on, also to less, and shows whom the lock was passed to', async () => {
    const token = await take('a', { tokens: 4 });
    await clock.advance(500);
    const holder = { ownerId: 'second', fencingToken: token + 1 };
    expect(await store.extend([{ ...ref('a', token), ttlMs: 200, holder }])).toEqual([{ extended: true }]);
    expect(await store.inspect('k')).toMatchObject({
      holders: [{ ownerId: 'second', fencingToken: token + 1 }],
      fencingToken: token + 3,
    });
    await clock.advance(200);
    expect(await store.inspect('k')).toBeNull();
  });

  it('takes a lease with another token for another lease', async () => {
    const token = await take('a');
    expect(await store.release([ref('a', token - 1)])).toEqual([{ released: false, reason: 'stolen' }]);
    expect(await isHolding('a')).toBe(true);
  });
});

describe('tokens', () => {
  it('rise over release, expiry, force release, blocks and a clock that steps back', async () => {
    let last = 0;
    const rises = (token: number): void => {
      expect(token).toBeGreaterThan(last);
      last = token;
    };
    const first = await take('a', { tokens: 16 });
    rises(first);
    await store.release([ref('a', first)]);
    const second = await take('b');
    expect(second).toBeGreaterThan(first + 15);
    rises(second);
    clock.setNowUs(clock.nowUs() - 3_600_000_000);
    await clock.advance(1000);
    rises(await take('c'));
    rises((await store.forceRelease('k')).fencingToken);
    rises(await take('d'));
    expect(Number.isSafeInteger(last)).toBe(true);
  });
});

describe('sharing', () => {
  it('lets readers in together and keeps them apart from writers and permits', async () => {
    await take('r1', { mode: 'shared' });
    await take('r2', { mode: 'shared' });
    expect((await store.acquire(ask('w'))).acquired).toBe(false);
    expect((await store.acquire(ask('p', { mode: 'permit', permits: 9 }))).acquired).toBe(false);
    expect(await store.inspect('k')).toMatchObject({ mode: 'shared', holders: [{ leaseId: 'r1' }, { leaseId: 'r2' }] });
  });

  it('grants as many permits as there are', async () => {
    const more = { mode: 'permit' as const, permits: 2 };
    const token = await take('p1', more);
    await take('p2', more);
    expect((await store.acquire(ask('p3', more))).acquired).toBe(false);
    await store.release([ref('p1', token)]);
    expect((await store.acquire(ask('p3', more))).acquired).toBe(true);
  });
});

describe('the queue', () => {
  it('serves waiters in the order in which they first asked, however often they ask again', async () => {
    let token = await take('a');
    for (const id of ['b', 'c', 'd']) await store.acquire(ask(id, waiting));
    await store.acquire(ask('d', waiting));
    await store.acquire(ask('b', waiting));
    for (const id of ['b', 'c', 'd']) {
      const holder = id === 'b' ? 'a' : id === 'c' ? 'b' : 'c';
      await store.release([ref(holder, token)]);
      expect(await isHolding(id)).toBe(true);
      token = await take(id, waiting);
    }
    expect(woken.every((key) => key === 'k')).toBe(true);
  });

  it('keeps newcomers, new readers too, behind a waiting writer, and names no holder who is not in the way', async () => {
    const token = await take('r1', { mode: 'shared' });
    await store.acquire(ask('w', waiting));
    expect(await store.acquire(ask('r2', { mode: 'shared' }))).toEqual({
      acquired: false,
      holders: [],
      retryAfterMs: 1000,
    });
    await store.acquire(ask('r3', { mode: 'shared', ...waiting }));
    await store.release([ref('r1', token)]);
    expect(await isHolding('w')).toBe(true);
    expect(await isHolding('r3')).toBe(false);
  });

  it('hands over at expiry without a call, by one timer that no process waits for', async () => {
    await take('a');
    expect(clock.pendingTimers).toBe(0);
    await store.acquire(ask('b', waiting));
    await store.acquire(ask('c', waiting));
    expect([clock.pendingTimers, clock.referencedTimers]).toEqual([1, 0]);
    woken.length = 0;
    await clock.advance(1000);
    expect(woken).toEqual(['k']);
    expect(lost).toEqual(['a expired']);
    expect(await isHolding('b')).toBe(true);
  });

  it('passes over a waiter whose time has passed, and readers behind it come in', async () => {
    await take('r1', { mode: 'shared', ttlMs: 60_000 });
    await store.acquire(ask('w', { waiter: { ttlMs: 100 } }));
    await store.acquire(ask('r2', { mode: 'shared', ...waiting }));
    await clock.advance(99);
    expect(await isHolding('r2')).toBe(false);
    await clock.advance(1);
    expect(await isHolding('r2')).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets the next of the releasing process queue behind those already there, or have the lock when nobody is', async () => {
    const token = await take('a');
    await store.acquire(ask('b', waiting));
    const [reply] = await store.release([{ ...ref('a', token), next: ask('a2', waiting) }]);
    expect(reply).toMatchObject({ released: true, next: { acquired: false, holders: [{ leaseId: 'b' }] } });
    const tokenB = await take('b');
    await store.cancelWait(ask('a2'));
    expect(await store.release([{ ...ref('b', tokenB), next: ask('b2', waiting) }])).toMatchObject([
      { released: true, next: { acquired: true } },
    ]);
  });

  it('frees what was granted to a waiter who has given up', async () => {
    const token = await take('a');
    await store.acquire(ask('b', waiting));
    await store.acquire(ask('c', waiting));
    await store.release([ref('a', token)]);
    await store.cancelWait(ask('b'));
    expect(await isHolding('c')).toBe(true);
    await store.cancelWait(ask('c'));
    expect(await store.inspect('k')).toBeNull();
    await store.cancelWait(ask('c'));
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('from outside', () => {
  it('releases a session under a prefix and tells its holders, and nobody else', async () => {
    await take('a', { key: 'x:1', sessionId: 's' });
    await take('b', { key: 'x:2', sessionId: 's' });
    await take('c', { key: 'y:3', sessionId: 's' });
    await take('d', { key: 'x:4', sessionId: 't' });
    expect(await store.releaseSession({ prefix: 'x:', sessionId: 's' })).toEqual({
      released: ['x:1', 'x:2'],
      pending: [],
    });
    await Promise.resolve();
    expect(lost).toEqual(['a session', 'b session']);
    const left: string[] = [];
    for await (const { key } of store.list({ prefix: '' })) left.push(key);
    expect(left).toEqual(['y:3', 'x:4']);
    expect(await store.extend([{ key: 'x:1', leaseId: 'a', mode: 'exclusive', fencingToken: 1, ttlMs: 1 }])).toEqual([
      { extended: false, reason: 'session' },
    ]);
  });

  it('lists by session, and never what was released during the listing', async () => {
    await take('a', { key: 'x:1', sessionId: 's' });
    const token = await take('b', { key: 'x:2', sessionId: 's' });
    await take('c', { key: 'x:3', sessionId: 't' });
    const seen: string[] = [];
    for await (const { key } of store.list({ prefix: 'x:', sessionId: 's' })) {
      seen.push(key);
      await store.release([{ key: 'x:2', leaseId: 'b', mode: 'exclusive', fencingToken: token }]);
    }
    expect(seen).toEqual(['x:1']);
  });

  it('evicts by force with a token between the evicted and the next', async () => {
    const token = await take('a', { tokens: 8 });
    await store.acquire(ask('b', waiting));
    const reply = await store.forceRelease('k');
    expect(reply).toMatchObject({ released: [{ leaseId: 'a' }], pending: [], collateral: [] });
    expect(reply.fencingToken).toBeGreaterThan(token + 7);
    expect(await take('b')).toBeGreaterThan(reply.fencingToken);
    expect(lost).toEqual(['a forced']);
    expect(await store.release([ref('a', token)])).toEqual([{ released: false, reason: 'forced' }]);
  });

  it('evicts one lease by id, or nothing when that lease does not hold', async () => {
    await take('a', { mode: 'shared' });
    await take('b', { mode: 'shared' });
    expect((await store.forceRelease('k', { leaseId: 'z' })).released).toEqual([]);
    expect((await store.forceRelease('k', { leaseId: 'a' })).released).toMatchObject([{ leaseId: 'a' }]);
    expect(await isHolding('b')).toBe(true);
  });
});

describe('several keys', () => {
  it('takes all or none, and says which were in the way', async () => {
    await take('z', { key: 'k2' });
    const all = ['k1', 'k2', 'k3'].map((key) => ask(`lease of ${key}`, { key }));
    expect(await store.acquireAll(all)).toMatchObject({
      acquired: false,
      conflicts: [{ key: 'k2', holders: [{ leaseId: 'z' }] }],
      retryAfterMs: 1000,
    });
    expect(await store.inspect('k1')).toBeNull();
    await clock.advance(1000);
    const reply = await store.acquireAll(all);
    expect(reply).toMatchObject({ acquired: true, leases: [{}, {}, {}] });
    expect(await store.acquireAll(all)).toEqual(reply);
  });
});

describe('capacity', () => {
  it('refuses a key too many until another is free, and forgets keys that nobody holds', async () => {
    store = memoryLockStore({ clock, maxKeys: 2 });
    const token = await take('a', { key: 'k1' });
    await take('b', { key: 'k2', ttlMs: 500 });
    await expect(store.acquire(ask('c', { key: 'k3' }))).rejects.toThrow(StoreFullError);
    await store.release([{ key: 'k1', leaseId: 'a', mode: 'exclusive', fencingToken: token }]);
    await take('c', { key: 'k3' });
    await clock.advance(500);
    await take('d', { key: 'k4' });
    await expect(store.acquireAll([ask('e', { key: 'k5' })])).rejects.toThrow(StoreFullError);
  });
});

it('refuses attempts after close and leaves no timer', async () => {
  const token = await take('a');
  await store.acquire(ask('b', waiting));
  await store.close();
  await store.close();
  expect(clock.pendingTimers).toBe(0);
  await expect(store.acquire(ask('c'))).rejects.toMatchObject({ code: 'HEADGATE_CLOSED' });
  expect(await store.release([ref('a', token)])).toEqual([{ released: true }]);
});
