import { describe, expect, it } from 'vitest';
import { lockBench } from '../../test/lock-bench.js';
import { FencedError } from '../errors.js';
import { createFencedRegister } from './fenced-register.js';

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
