import { describe, expect, it } from 'vitest';
import { codeOf, lockBench } from '../../test/lock-bench.js';
import { unreachable } from '../../test/plain-lock-store.js';
import { FencedError, InvalidArgumentError } from '../errors.js';
import type { AcquireOptions, LocksOptions } from './api.js';
import type { LockState } from './contract.js';
import { createFencedRegister } from './fenced-register.js';
import { createLocks } from './locks.js';

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

describe('taking several locks', () => {
  describe.each([
    ['in one step of the store', true],
    ['one by one', false],
  ])('%s', (_, atomicAcquireAll) => {
    const storeOptions = { atomicAcquireAll };

    it('is all or nothing', async () => {
      const { locks, peer, store, events } = lockBench({ storeOptions });
      const theirs = await peer({ ownerId: 'them' }).acquire('b');
      const error = await locks.acquireAll(['c', 'a', 'b'], { waitMs: 0 }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'HEADGATE_ACQUIRE_TIMEOUT', key: 'b', holders: [{ ownerId: 'them' }] });
      expect(store.held).toHaveLength(1);
      await theirs.release();
      const group = await locks.acquireAll(['c', 'a', 'b']);
      expect(group.locks.map((lock) => lock.key)).toEqual(['c', 'a', 'b']);
      group.assertHeld();
      await group.release();
      expect(store.held).toEqual([]);
      expect(events('onAcquire').map((event) => event.outcome)).toEqual([
        ...Array(3).fill('busy'),
        ...Array(3).fill('acquired'),
      ]);
      expect(events('onLeaseEnd')).toHaveLength(3);
    });

    it('waits while holding nothing, and gives up without a trace', async () => {
      const { clock, locks, peer, store } = lockBench({ storeOptions });
      const theirs = await peer().acquire('b');
      const abort = new AbortController();
      const waiting = locks.acquireAll(['a', 'b'], { waitMs: 5_000 });
      const aborted = locks.acquireAll(['b', 'c'], { signal: abort.signal });
      const late = codeOf(locks.acquireAll(['b', 'd'], { waitMs: 400 }));
      await clock.advance(100);
      expect(store.held).toHaveLength(1);
      abort.abort(new Error('enough'));
      await expect(aborted).rejects.toThrow('enough');
      await clock.advance(400);
      expect(await late).toBe('HEADGATE_ACQUIRE_TIMEOUT');
      await theirs.release();
      await clock.advance(1_000);
      await (await waiting).release();
      expect(store.held).toEqual([]);
      expect(clock.pendingTimers).toBe(0);
    });

    it('aborts the group when one of them is lost', async () => {
      const { locks } = lockBench({ storeOptions });
      const group = await locks.acquireAll(['a', 'b']);
      await locks.forceRelease('b');
      expect(group.signal.reason).toMatchObject({ key: 'b', reason: 'forced' });
      expect(() => group.assertHeld()).toThrow(/force/);
      await group.release();
    });

    it('leaves nothing held when the caller gives up while it is being granted', async () => {
      const { clock, locks, store } = lockBench({ storeOptions });
      let answer = (): void => {};
      const operation = atomicAcquireAll ? 'acquireAll' : 'acquire';
      store.after = (each) => (each === operation ? new Promise((resolve) => (answer = resolve)) : undefined);
      const abort = new AbortController();
      const group = locks.acquireAll(['a', 'b'], { signal: abort.signal });
      await clock.advance(0);
      expect(store.held.length).toBeGreaterThan(0);
      abort.abort(new Error('enough'));
      await expect(group).rejects.toThrow('enough');
      answer();
      await clock.advance(0);
      expect(store.held).toEqual([]);
      expect(clock.pendingTimers).toBe(0);
    });
  });

  it('in opposite orders ends, 200 times over', async () => {
    const { clock, locks, peer, store } = lockBench();
    const other = peer();
    for (let round = 0; round < 200; round += 1) {
      const both = [locks.acquireAll(['a', 'b']), other.acquireAll(['b', 'a'])];
      const done = Promise.all(both.map(async (group) => (await group).release()));
      await clock.advance(1_000);
      await done;
    }
    expect(store.held).toEqual([]);
  });
});

describe('a fenced register', () => {
  it('lets the holder write, by its handle or by its token, and refuses who lost the lock', async () => {
    const { locks } = lockBench();
    const register = createFencedRegister({ locks });
    const first = await locks.acquire('a');
    expect(await register.write(first, () => 'one')).toBe('one');
    expect(await register.write({ key: 'a', fencingToken: first.fencingToken }, async () => 'two')).toBe('two');
    await locks.forceRelease('a');
    const second = await locks.acquire('a');
    // The new holder has written nothing yet: the old one is refused all the same.
    const stale = register.write({ key: 'a', fencingToken: first.fencingToken }, () => 'three');
    await expect(stale).rejects.toMatchObject({ code: 'HEADGATE_FENCED', reason: 'stale' });
    await expect(register.write(first, () => 'four')).rejects.toMatchObject({ code: 'HEADGATE_LOCK_LOST' });
    expect(await register.write(second, () => 'five')).toBe('five');
    expect(await register.highest('a')).toBe(second.fencingToken);
    await second.release();
  });

  it('refuses a token that was never issued, so that it cannot shut the resource', async () => {
    const { locks } = lockBench();
    const register = createFencedRegister({ locks });
    const lock = await locks.acquire('a');
    const invented = Number.MAX_SAFE_INTEGER;
    const error = await register
      .write({ key: 'a', fencingToken: invented }, () => 0)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FencedError);
    expect(error).toMatchObject({ reason: 'unissued', fencingToken: invented, currentToken: lock.fencingToken });
    await expect(register.write({ key: 'free', fencingToken: 5 }, () => 0)).rejects.toMatchObject({
      reason: 'unissued',
    });
    expect(await register.write(lock, () => 'still open')).toBe('still open');
    await lock.release();
  });

  it('applies writes of a key one after the other, and keeps the token of one that failed', async () => {
    const { locks, clock } = lockBench();
    const register = createFencedRegister({ locks });
    const lock = await locks.acquire('a');
    const steps: string[] = [];
    const slow = register.write(lock, async () => {
      steps.push('in');
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
      steps.push('out');
      throw new Error('disk full');
    });
    const after = register.write(lock, () => steps.push('next'));
    await Promise.all([expect(slow).rejects.toThrow('disk full'), clock.advance(10)]);
    await after;
    expect(steps).toEqual(['in', 'out', 'next']);
    expect(await register.highest('a')).toBe(lock.fencingToken);
    await lock.release();
  });
});

describe('bad input', () => {
  const { store, locks } = lockBench();
  const make = (options: object) => () => createLocks({ name: 'n', store, ttlMs: 1_000, ...options } as LocksOptions);

  it.each([
    [{ name: 'a:b' }, /`name`/],
    [{ store: {} }, /`store/],
    [{ ttlMs: 9 }, /`ttlMs`.*from 10 .*`9`/],
    [{ ttlMs: 1.5 }, /`ttlMs`/],
    [{ ttlMs: 2 ** 41 }, /`ttlMs`/],
    [{ ttlMs: undefined }, /`ttlMs`/],
    [{ driftMs: 1_000 }, /`driftMs`.*less than `ttlMs`/],
    [{ timeoutMs: 0 }, /`timeoutMs`/],
    [{ pollMs: -1 }, /`pollMs`/],
    [{ passOn: { maxLeases: 0 } }, /`passOn.maxLeases`/],
    [{ passOn: { maxMs: Number.NaN } }, /`passOn.maxMs`/],
    [{ ownerId: '' }, /`ownerId`/],
    [{ maxQueue: 0 }, /`maxQueue`/],
    [{ renew: 'yes' }, /`renew`/],
    [{ hooks: 5 }, /`hooks`/],
  ])('%o is refused at construction', (options, message) => {
    expect(make(options)).toThrow(InvalidArgumentError);
    expect(make(options)).toThrow(message);
  });

  it.each<[string, object, RegExp]>([
    ['', {}, /`key`/],
    ['\ud800', {}, /`key`.*surrogate/],
    ['x'.repeat(4_097), {}, /`key`.*4096/],
    ['a', { ttlMs: 0 }, /`ttlMs`/],
    ['a', { waitMs: -1 }, /`waitMs`/],
    ['a', { waitMs: Number.POSITIVE_INFINITY }, /`waitMs`/],
    ['a', { mode: 'read' }, /`mode`/],
    ['a', { mode: 'permit' }, /`permits`/],
    ['a', { permits: 2 }, /`permits`/],
    ['a', { mode: 'permit', permits: 10_001 }, /`permits`/],
    ['a', { sessionId: '' }, /`sessionId`/],
    ['a', { signal: {} }, /`signal`/],
    ['a', { metadata: { a: 1 } }, /`metadata.a`/],
    ['a', { metadata: { a: 'x'.repeat(2_048) } }, /`metadata`.*2048/],
    ['a', { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, ''])) }, /`metadata`.*16/],
    ['a', { ownerId: 'x'.repeat(256) }, /`ownerId`/],
  ])('acquiring %j with %o is refused before the store is asked', async (key, options, message) => {
    await expect(locks.acquire(key, options as AcquireOptions)).rejects.toThrow(InvalidArgumentError);
    await expect(locks.acquire(key, options as AcquireOptions)).rejects.toThrow(message);
    expect(store.calls).toEqual([]);
  });

  it('of other calls is refused before the store is asked', async () => {
    expect(await codeOf(locks.acquireAll([]))).toBe('HEADGATE_INVALID_ARGUMENT');
    expect(await codeOf(locks.acquireAll(['a', 'a']))).toBe('HEADGATE_INVALID_ARGUMENT');
    expect(await codeOf(locks.acquireAll('ab' as unknown as string[]))).toBe('HEADGATE_INVALID_ARGUMENT');
    expect(await codeOf(locks.withLock('a', 5 as never))).toBe('HEADGATE_INVALID_ARGUMENT');
    expect(await codeOf(locks.inspect(''))).toBe('HEADGATE_INVALID_ARGUMENT');
    expect(await codeOf(locks.forceRelease('a', { terminate: 1 as never }))).toBe('HEADGATE_INVALID_ARGUMENT');
    expect(await codeOf(locks.releaseSession('\udfff'))).toBe('HEADGATE_INVALID_ARGUMENT');
    expect(() => locks.session('')).toThrow(InvalidArgumentError);
    expect(() => locks.list({ sessionId: '' })).toThrow(InvalidArgumentError);
    expect(await codeOf(locks.session('s').acquire('a', { sessionId: 't' }))).toBe('HEADGATE_INVALID_ARGUMENT');
    const register = createFencedRegister({ locks });
    expect(await codeOf(register.write({ key: 'a', fencingToken: 1.5 }, () => 0))).toBe('HEADGATE_INVALID_ARGUMENT');
    expect(store.calls).toEqual([]);
  });

  it('that looks odd but is fine is a key like any other', async () => {
    for (const key of ['__proto__', 'constructor', '\0', '{a}', ' ', 'ключ', '😀', 'a:b']) {
      const lock = await locks.acquire(key);
      expect((await locks.inspect(key))?.key).toBe(key);
      expect(await lock.release()).toEqual({ released: true });
    }
  });
});
