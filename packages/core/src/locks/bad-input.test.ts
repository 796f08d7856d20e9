import { describe, expect, it } from 'vitest';
import { codeOf, lockBench } from '../../test/lock-bench.js';
import { InvalidArgumentError } from '../errors.js';
import type { AcquireOptions, LocksOptions } from './api.js';
import { createFencedRegister } from './fenced-register.js';
import { createLocks } from './locks.js';

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
