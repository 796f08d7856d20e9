import { describe, expect, it } from 'vitest';
import { codeOf, lockBench } from '../../test/lock-bench.js';

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
