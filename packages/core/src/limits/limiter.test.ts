import { describe, expect, it } from 'vitest';
import { limiterBench, limits } from '../../test/limiter-bench.js';
import { InvalidArgumentError } from '../errors.js';
import { fixedWindow, tokenBucket } from './limit.js';
import { createLimiter } from './limiter.js';
import type { Decision, DeniedDecision } from './api.js';

describe('a decision', () => {
  it('names the tightest limit, every policy and the clock it was made by', async () => {
    const { limiter, clock } = limiterBench();
    const decision = await limiter.consume('k', { cost: 3 });
    const atMs = clock.nowUs() / 1000;
    expect(decision).toMatchObject({ allowed: true, granted: 3, limit: 5, remaining: 2, atMs, source: 'store' });
    expect(decision.policies).toEqual([
      { name: 'rate', limit: 5, windowMs: 5000, remaining: 2, resetAtMs: atMs + 3000 },
      { name: 'hour', limit: 8, windowMs: 3_600_000, remaining: 5, resetAtMs: atMs + 3_600_000 },
    ]);
    expect(decision.resetAtMs).toBe(atMs + 3_600_000);
    expect('violated' in JSON.parse(JSON.stringify(decision))).toBe(false);
  });

  it('on denial says which limit refuses and when the call succeeds, to the tick', async () => {
    const { limiter, clock } = limiterBench();
    await limiter.consume('k', { cost: 5 });
    await clock.advance(0.001);
    const denied = await limiter.consume('k', { cost: 2 });
    expect(denied).toMatchObject({
      allowed: false,
      reason: 'quota',
      violated: 'rate',
      retryAfterMs: 1999.999,
      granted: 0,
    });
    expect(JSON.parse(JSON.stringify(denied))).toMatchObject({ allowed: false, violated: 'rate', policies: [{}, {}] });
    await clock.advance(1999.998);
    expect((await limiter.consume('k', { cost: 2 })).allowed).toBe(false);
    await clock.advance(0.001);
    expect((await limiter.consume('k', { cost: 2 })).allowed).toBe(true);
  });

  it('has a plain object that shows its outcome and nothing of the limiter', async () => {
    const { limiter } = limiterBench();
    const decision = await limiter.consume('k', { cost: 9 });
    const { allowed, granted, limit, remaining, resetAtMs, atMs, source, reason, violated, retryAfterMs, policies } =
      decision as DeniedDecision;
    const plain = decision.toJSON();
    expect(plain).toStrictEqual({
      ...{ allowed, granted, limit, remaining, resetAtMs, atMs, source, reason, violated, retryAfterMs, policies },
    });
    expect(JSON.parse(JSON.stringify(decision))).toEqual(JSON.parse(JSON.stringify(plain)));
    expect(structuredClone(plain)).toEqual(plain);
  });

  it('calls a cost above a capacity never', async () => {
    const { limiter } = limiterBench();
    const never = await limiter.consume('k', { cost: 6 });
    expect(never).toMatchObject({ allowed: false, reason: 'capacity', violated: 'rate', retryAfterMs: Infinity });
  });
});

describe('operations', () => {
  it('peek answers what consume would and takes nothing; cost 0 only asks', async () => {
    const { limiter, store } = limiterBench();
    expect(await limiter.peek('k', { cost: 5 })).toMatchObject({ allowed: true, granted: 0, remaining: 5 });
    expect(await limiter.consume('k', { cost: 0 })).toMatchObject({ allowed: true, granted: 0, remaining: 5 });
    expect(store.records.size).toBe(0);
  });

  it('consumeUpTo grants what is left', async () => {
    const { limiter } = limiterBench();
    await limiter.consume('k', { cost: 2 });
    expect(await limiter.consumeUpTo('k', { cost: 10 })).toMatchObject({ allowed: true, granted: 3 });
    expect(await limiter.consumeUpTo('k', { cost: 10 })).toMatchObject({ allowed: false, granted: 0 });
  });

  it('penalize leads into debt, block refuses for its time, reset forgets both', async () => {
    const { limiter, clock } = limiterBench();
    await limiter.penalize('k', { cost: 8 });
    expect(await limiter.consume('k')).toMatchObject({ violated: 'hour' });
    await limiter.block('k', 4000);
    expect(await limiter.peek('k')).toMatchObject({ reason: 'blocked', remaining: 0 });
    await limiter.reset('k');
    expect(await limiter.peek('k')).toMatchObject({ allowed: true, remaining: 5 });
    await limiter.block('k', 4000);
    await clock.advance(3999.999);
    expect((await limiter.peek('k')).allowed).toBe(false);
    await clock.advance(0.001);
    expect((await limiter.peek('k')).allowed).toBe(true);
  });

  it('keeps limits of a call apart by name, and limiters apart by theirs', async () => {
    const { limiter, store, clock } = limiterBench();
    const plan = tokenBucket({ name: 'plan', capacity: 100, refillIntervalMs: 1000 });
    await limiter.consume('k', { cost: 5 });
    expect(await limiter.consume('k', { limits: plan, cost: 60 })).toMatchObject({ allowed: true, limit: 100 });
    expect((await limiter.consume('k')).allowed).toBe(false);
    const other = createLimiter({ name: 'other', store, limits, clock });
    expect((await other.consume('k')).allowed).toBe(true);
  });

  it('treats keys that look like syntax or prototypes as plain strings', async () => {
    const { limiter } = limiterBench();
    for (const key of [
      '__proto__',
      'constructor',
      'a:b',
      'a',
      '\0',
      '{a}',
      '*?[]',
      ' ',
      'é',
      'e\u0301',
      '😀',
      'x'.repeat(4096),
    ]) {
      expect((await limiter.consume(key)).remaining, key).toBe(4);
    }
  });
});

describe('refund', () => {
  it('gives back once, in parts, never more than was charged', async () => {
    const { limiter } = limiterBench();
    const decision = await limiter.consume('k', { cost: 3 });
    expect(await limiter.refund(decision, { cost: 1 })).toBe(1);
    expect(await Promise.all([limiter.refund(decision, { cost: 9 }), limiter.refund(decision)])).toEqual([2, 0]);
    expect((await limiter.peek('k')).remaining).toBe(5);
    expect(await limiter.refund(decision)).toBe(0);
  });

  it('gives nothing back of denials and peeks, and refuses decisions of others', async () => {
    const { limiter, store } = limiterBench();
    await limiter.consume('k', { cost: 5 });
    const before = store.calls.length;
    expect(await limiter.refund(await limiter.peek('k'))).toBe(0);
    expect(store.calls).toHaveLength(before + 1);
    const foreign = await limiterBench().limiter.consume('k');
    await expect(limiter.refund(foreign)).rejects.toThrow(InvalidArgumentError);
    await expect(limiter.refund({ ...foreign } as Decision)).rejects.toThrow(/decision of this limiter/);
  });

  it('reaches no later window', async () => {
    const { limiter, clock } = limiterBench({ limits: fixedWindow({ limit: 5, windowMs: 1000 }) });
    const decision = await limiter.consume('k', { cost: 3 });
    await clock.advance(1000);
    await limiter.consume('k', { cost: 4 });
    await limiter.refund(decision);
    expect((await limiter.peek('k')).remaining).toBe(1);
  });
});
