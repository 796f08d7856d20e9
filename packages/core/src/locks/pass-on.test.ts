import { describe, expect, it } from 'vitest';
import { lockBench as anyBench } from '../../test/lock-bench.js';
import { unreachable } from '../../test/plain-lock-store.js';
import type { Lock } from './api.js';
import type { AcquireRequest, ReleaseRequest } from './contract.js';

const lockBench = (options: Parameters<typeof anyBench>[0] = {}) =>
  anyBench({ ...options, storeOptions: { wake: 'notify' } });

/** A holder from elsewhere, so that callers line up before the process's first grant. */
async function linedUp(bench: ReturnType<typeof lockBench>, sessions: readonly (string | undefined)[]) {
  const theirs = await bench.peer().acquire('a');
  const order: Lock[] = [];
  const calls = sessions.map(async (sessionId) => {
    const lock = await bench.locks.acquire('a', { waitMs: 60_000, sessionId });
    order.push(lock);
    return lock;
  });
  await bench.clock.advance(1);
  await theirs.release();
  await bench.clock.advance(0);
  return { order, calls };
}

const acquired = (given: unknown): AcquireRequest => given as AcquireRequest;

describe('passing a lock on in the process', () => {
  it('hands each waiter the next token of the block that came with the grant, without a call to the store', async () => {
    const bench = lockBench();
    const { order, calls } = await linedUp(bench, [undefined, undefined, undefined]);
    const before = bench.store.calls.length;
    const tokens: number[] = [];
    for (const call of calls.slice(0, 2)) {
      const lock = await call;
      tokens.push(lock.fencingToken);
      expect(lock.held).toBe(true);
      expect(await lock.release()).toEqual({ released: true });
      expect(lock.held).toBe(false);
    }
    expect(bench.store.calls.length).toBe(before);
    const last = await calls[2]!;
    expect([...tokens, last.fencingToken]).toEqual([tokens[0], tokens[0]! + 1, tokens[0]! + 2]);
    expect(new Set(order.map((lock) => lock.leaseId)).size).toBe(1);
    await last.release();
    expect(bench.store.held).toEqual([]);
    // The next grant is above the whole block.
    const next = await bench.locks.acquire('a');
    expect(next.fencingToken).toBeGreaterThan(last.fencingToken);
    await next.release();
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it.each([
    [1, 1],
    [2, 3],
    [3, 4],
    [4, 6],
    [13, 16],
  ])(
    'serves those who were in line when the grant came and half as many again, at most 16: %i get %i turns',
    async (callers, turns) => {
      const bench = lockBench();
      const { calls } = await linedUp(bench, Array(callers).fill(undefined));
      // Everybody comes back at once, so that somebody is always in line.
      const line = [...calls, ...calls.map(() => bench.locks.acquire('a', { waitMs: 60_000 }))];
      const first = await line[0]!;
      for (const [turn, call] of line.entries()) {
        const lock = await call;
        expect([turn, lock.leaseId === first.leaseId]).toEqual([turn, turn < turns]);
        if (turn === turns) break;
        await lock.release();
      }
      // Those who are still in line are told of the end.
      const ends = Promise.allSettled(line);
      await bench.locks.close();
      await ends;
    },
  );

  it('ends after maxLeases, and hands over to the next in line in the same step as the release', async () => {
    const bench = lockBench({ passOn: { maxLeases: 3 } });
    const { calls } = await linedUp(bench, Array(5).fill(undefined));
    for (const call of calls.slice(0, 3)) await (await call).release();
    const released = bench.store.calls.filter((call) => call.operation === 'release').at(-1)!.given as ReleaseRequest[];
    expect(released[0]!.next).toMatchObject({ key: 'files:a', tokens: 3 });
    const fourth = await calls[3]!;
    expect(fourth.leaseId).toBe(released[0]!.next!.leaseId);
    await fourth.release();
    await (await calls[4]!).release();
    expect(bench.store.held).toEqual([]);
  });

  it('ends after maxMs', async () => {
    const bench = lockBench({ passOn: { maxMs: 50 } });
    const { calls } = await linedUp(bench, [undefined, undefined]);
    const first = await calls[0]!;
    await bench.clock.advance(50);
    await first.release();
    const second = await calls[1]!;
    expect(second.leaseId).not.toBe(first.leaseId);
    await second.release();
  });

  it('stays within a session, so that releasing one takes no lease of another', async () => {
    const bench = lockBench();
    const { calls } = await linedUp(bench, ['s', 's', 't', undefined]);
    const first = await calls[0]!;
    const tokens = bench.store.calls
      .map((call) => acquired(call.given))
      .filter((request) => request.sessionId === 'files:s');
    expect(tokens.at(-1)!.tokens).toBe(3);
    await first.release();
    const second = await calls[1]!;
    expect(second.leaseId).toBe(first.leaseId);
    await second.release();
    const third = await calls[2]!;
    expect(third.leaseId).not.toBe(second.leaseId);
    await bench.locks.releaseSession('s');
    expect(third.held).toBe(true);
    await bench.locks.releaseSession('t');
    expect(third.held).toBe(false);
    await bench.clock.advance(300);
    await (await calls[3]!).release();
  });

  it('does not happen between shared leases or permits', async () => {
    const { locks, store, clock } = lockBench();
    const permits = { mode: 'permit', permits: 2 } as const;
    const held = [await locks.acquire('p', permits), await locks.acquire('p', permits)];
    const third = locks.acquire('p', permits);
    await held[0]!.release();
    await clock.advance(0);
    expect((await third).leaseId).not.toBe(held[0]!.leaseId);
    await Promise.all([held[1]!.release(), (await third).release()]);
    expect(store.calls.every((call) => acquired(call.given).tokens === undefined)).toBe(true);
  });

  it('tells the store who holds when a holder keeps it, with a full ttl', async () => {
    const bench = lockBench();
    const theirs = await bench.peer().acquire('a');
    const first = bench.locks.acquire('a', { ownerId: 'one' });
    const second = bench.locks.acquire('a', { ownerId: 'two', metadata: { task: '2' }, renew: false });
    await theirs.release();
    await bench.clock.advance(0);
    await (await first).release();
    const lock = await second;
    expect(bench.store.held).toMatchObject([{ ownerId: 'one' }]);
    await bench.clock.advance(60);
    expect(bench.store.held).toMatchObject([
      { ownerId: 'two', metadata: { task: '2' }, fencingToken: lock.fencingToken },
    ]);
    expect(bench.store.count('extend')).toBe(1);
    await bench.clock.advance(9_900);
    expect(lock.held).toBe(true);
    await bench.clock.advance(100);
    expect(lock.held).toBe(false);
    expect(bench.store.count('extend')).toBe(1);
  });

  it('extends first when too little is left for the next holder', async () => {
    const bench = lockBench({ renew: false, ttlMs: 400, passOn: { maxMs: 5_000 } });
    const { calls } = await linedUp(bench, [undefined, undefined]);
    const first = await calls[0]!;
    await bench.clock.advance(200);
    await first.release();
    const second = await calls[1]!;
    expect(second.leaseId).toBe(first.leaseId);
    expect(bench.store.count('extend')).toBe(1);
    await bench.clock.advance(380);
    expect(second.held).toBe(true);
    await second.release();
  });

  it('grants nothing on a lease that could not be extended; the next holder asks for its own', async () => {
    const bench = lockBench({ renew: false, ttlMs: 400, passOn: { maxMs: 5_000 } });
    const { calls } = await linedUp(bench, [undefined, undefined]);
    const first = await calls[0]!;
    await bench.clock.advance(200);
    bench.store.before = (operation) => {
      if (operation === 'extend') throw unreachable();
    };
    await first.release();
    await bench.clock.advance(500);
    const second = await calls[1]!;
    expect(second.leaseId).not.toBe(first.leaseId);
    await second.release();
    expect(bench.store.held).toEqual([]);
  });

  it('gives the lock back when the heir gives up while it is being extended', async () => {
    const bench = lockBench({ renew: false, ttlMs: 400, passOn: { maxMs: 5_000 } });
    const theirs = await bench.peer().acquire('a');
    const abort = new AbortController();
    const first = bench.locks.acquire('a');
    const heir = bench.locks.acquire('a', { signal: abort.signal });
    await theirs.release();
    await bench.clock.advance(0);
    const lock = await first;
    await bench.clock.advance(200);
    await Promise.all([
      lock.release(),
      expect(heir).rejects.toThrow('gone'),
      Promise.resolve().then(() => abort.abort(new Error('gone'))),
    ]);
    await bench.clock.advance(0);
    expect(bench.store.held).toEqual([]);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('counts an acquire and an end for each holder', async () => {
    const bench = lockBench();
    const { calls } = await linedUp(bench, [undefined, undefined, undefined]);
    for (const call of calls) await (await call).release();
    expect(bench.events('onAcquire').map((event) => [event.outcome, event.contended])).toEqual(
      Array.from({ length: 3 }, () => ['acquired', true]),
    );
    expect(
      bench
        .events('onAcquire')
        .slice(1)
        .map((event) => event.attempts),
    ).toEqual([0, 0]);
    expect(bench.events('onLeaseEnd').map((event) => event.ended)).toEqual(Array(3).fill('released'));
    expect(bench.events('onRelease').map((event) => event.outcome)).toEqual(Array(3).fill('released'));
    expect(bench.events('onWaiters').reduce((sum, event) => sum + event.delta, 0)).toBe(0);
  });
});
