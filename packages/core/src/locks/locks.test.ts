import { describe, expect, it } from 'vitest';
import { codeOf, lockBench } from '../../test/lock-bench.js';
import { unreachable } from '../../test/plain-lock-store.js';
import type { LockState } from './contract.js';

async function all(states: AsyncIterable<LockState>): Promise<LockState[]> {
  const found: LockState[] = [];
  for await (const state of states) found.push(state);
  return found;
}

describe('locks', () => {
  it('answer a try with the lock, or with who holds it and until when', async () => {
    const { locks, peer, events } = lockBench();
    const first = await peer({ ownerId: 'them' }).tryAcquire('a', { sessionId: 's', metadata: { pid: '7' } });
    expect(first.acquired).toBe(true);
    const second = await locks.tryAcquire('a');
    expect(second).toMatchObject({
      acquired: false,
      retryAfterMs: 10_000,
      holders: [{ ownerId: 'them', sessionId: 's', metadata: { pid: '7' } }],
    });
    expect(events('onAcquire')).toMatchObject([{ lock: 'files', store: 'plain', outcome: 'busy', attempts: 1 }]);
    if (first.acquired) await first.lock.release();
  });

  it('of different names never meet, nor do their sessions', async () => {
    const { locks, peer } = lockBench();
    const other = peer({ name: 'other' });
    const [mine, theirs] = [await locks.acquire('a', { sessionId: 's' }), await other.acquire('a', { sessionId: 's' })];
    expect(await all(locks.list())).toMatchObject([{ key: 'a', holders: [{ sessionId: 's' }] }]);
    expect(await locks.releaseSession('s')).toEqual({ released: ['a'], pending: [] });
    expect([mine.held, theirs.held]).toEqual([false, true]);
    await theirs.release();
  });

  it('are shown with the keys and sessions that callers know', async () => {
    const { locks } = lockBench();
    const session = locks.session('w1', { metadata: { host: 'x' } });
    const lock = await session.acquire('src/a.ts', { metadata: { line: '3' } });
    const shown = {
      key: 'src/a.ts',
      mode: 'exclusive',
      holders: [{ sessionId: 'w1', metadata: { host: 'x', line: '3' } }],
    };
    expect(await locks.inspect('src/a.ts')).toMatchObject(shown);
    expect(await all(session.list())).toMatchObject([shown]);
    expect(await all(locks.list({ sessionId: 'w2' }))).toEqual([]);
    await lock.release();
    expect(await locks.inspect('src/a.ts')).toBeNull();
  });

  it('keep shared leases, permits and exclusive leases apart', async () => {
    const { locks } = lockBench();
    const shared = [await locks.acquire('a', { mode: 'shared' }), await locks.acquire('a', { mode: 'shared' })];
    expect((await locks.tryAcquire('a')).acquired).toBe(false);
    expect((await locks.tryAcquire('a', { mode: 'permit', permits: 9 })).acquired).toBe(false);
    await Promise.all(shared.map((lock) => lock.release()));
    const permits = { mode: 'permit', permits: 2 } as const;
    const two = [await locks.acquire('a', permits), await locks.acquire('a', permits)];
    expect((await locks.tryAcquire('a', permits)).acquired).toBe(false);
    await Promise.all(two.map((lock) => lock.release()));
  });

  it('are released by session from another process, and what is acquired meanwhile stays', async () => {
    const { clock, locks, peer, store } = lockBench({ ttlMs: 3_000 });
    const session = locks.session('w1');
    const [a, b] = [await session.acquire('a'), await session.acquire('b')];
    const other = await locks.acquire('c', { sessionId: 'w2' });
    expect(await peer().releaseSession('w1')).toEqual({ released: ['a', 'b'], pending: [] });
    await clock.advance(1_000);
    expect([a.held, b.held, other.held]).toEqual([false, false, true]);
    // On its way while the session is released: only the store knows on which side of it the grant fell.
    let answer = (): void => {};
    store.after = (operation) =>
      operation === 'releaseSession' ? new Promise((resolve) => (answer = resolve)) : undefined;
    const old = await session.acquire('a');
    const releasing = session.releaseAll();
    await clock.advance(0);
    const fresh = await peer().acquire('a', { sessionId: 'w1' });
    const mine = await session.acquire('d');
    answer();
    expect(await releasing).toEqual({ released: ['a'], pending: [] });
    await clock.advance(100);
    expect([old.held, fresh.held, mine.held]).toEqual([false, true, true]);
    await Promise.all([fresh.release(), mine.release(), other.release()]);
  });

  it('of a session are released when it is disposed of, and the release is counted', async () => {
    const { locks, store, events } = lockBench();
    const session = locks.session('w1');
    const lock = await session.acquire('a');
    await session[Symbol.asyncDispose]();
    expect(lock.signal.reason).toMatchObject({ reason: 'session' });
    store.before = () => {
      throw unreachable();
    };
    expect(await codeOf(session.releaseAll())).toBe('HEADGATE_STORE');
    expect(events('onSessionRelease')).toMatchObject([
      { cause: 'dispose', outcome: 'ok', released: 1, pending: 0 },
      { cause: 'explicit', outcome: 'error' },
    ]);
    expect(events('onLeaseEnd')).toMatchObject([{ ended: 'session' }]);
  });

  it('can be released by force: all holders, or one lease', async () => {
    const { locks, events } = lockBench();
    const [one, two] = [await locks.acquire('a', { mode: 'shared' }), await locks.acquire('a', { mode: 'shared' })];
    const reply = await locks.forceRelease('a', { leaseId: one.leaseId });
    expect(reply.released).toMatchObject([{ leaseId: one.leaseId }]);
    expect([one.held, two.held]).toEqual([false, true]);
    const rest = await locks.forceRelease('a');
    expect(rest.fencingToken).toBeGreaterThan(two.fencingToken);
    expect(two.signal.reason).toMatchObject({ reason: 'forced' });
    expect(events('onLeaseEnd').map((event) => event.ended)).toEqual(['session', 'session']);
  });

  it('count every call to the store, with how it ended', async () => {
    const { locks, store, events } = lockBench();
    await (await locks.acquire('a')).release();
    await all(locks.list());
    store.before = () => {
      throw unreachable();
    };
    expect(await codeOf(locks.inspect('a'))).toBe('HEADGATE_STORE');
    expect(events('onStoreCall').map((event) => [event.operation, event.outcome, event.errorKind])).toEqual([
      ['acquire', 'ok', undefined],
      ['release', 'ok', undefined],
      ['list', 'ok', undefined],
      ['inspect', 'error', 'connection'],
    ]);
  });

  it('close by releasing what they hold and turning away who waits', async () => {
    const { clock, locks, store, events } = lockBench();
    const held = await locks.acquire('a');
    const waiting = [codeOf(locks.acquire('a')), codeOf(locks.acquireAll(['a', 'b']))];
    await clock.advance(1);
    await Promise.all([locks.close(), locks.close()]);
    expect(await Promise.all(waiting)).toEqual(['HEADGATE_CLOSED', 'HEADGATE_CLOSED']);
    expect(held.signal.reason).toMatchObject({ reason: 'closed' });
    expect(await held.release()).toEqual({ released: false, reason: 'closed' });
    expect(store.held).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    expect(await codeOf(locks.tryAcquire('a'))).toBe('HEADGATE_CLOSED');
    expect(await codeOf(locks.inspect('a'))).toBe('HEADGATE_CLOSED');
    expect(events('onLeaseEnd')).toHaveLength(1);
    expect(events('onWaiters').reduce((sum, event) => sum + event.delta, 0)).toBe(0);
  });
});
