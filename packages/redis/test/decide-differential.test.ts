import assert from 'node:assert/strict';
import { decideStep } from '@headgate/core';
import { sharedServer, skipReason } from '@headgate/test-servers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { decodeReply, encodeSteps } from '../src/limiter-codec.js';
import { redisLimiterStore } from '../src/limiter-store.js';
import { decodeTakes, encodeTakes } from '../src/limiter-takes.js';
import { decideScript } from '../src/scripts/decide.js';
import { takeScripts } from '../src/scripts/take.js';
import { Random, randomOps, randomPolicies, randomTakeLimit, randomTakes } from './random-steps.js';
import type { Limit, LimiterRecord, LimiterResult, LimiterStep } from '@headgate/core';

// The same scripts with a clock that the test turns, so that traces cross years and step back. The keys outlive the trace by Redis's own clock.
const clocked = (script: string): string =>
  script.replace("call('TIME')", '{ ARGV[#ARGV - 1], ARGV[#ARGV] }').replaceAll("'PX', ttlMs", "'PX', '600000'");
const clockedDecide = clocked(decideScript);
const clockedTakes = {
  tokenBucket: clocked(takeScripts.tokenBucket),
  fixedWindow: clocked(takeScripts.fixedWindow),
};
const sameKey = (key: string): string => key;

/** Replays results through core's definition. */
class Model {
  readonly #records = new Map<string, LimiterRecord | undefined>();
  readonly chargedAtUs: number[] = [];
  nowUs = 0;

  /** What core says each step comes to at the clock that `results` show. */
  expected(steps: readonly LimiterStep[], results: readonly LimiterResult[]): LimiterResult[] {
    return steps.map(({ key, limits, ops }, i) => {
      const actual = results[i] as LimiterResult;
      if ('error' in actual) throw actual.error;
      const { record, changed, result } = decideStep(this.#records.get(key), limits, ops, actual.nowUs);
      if (changed) this.#records.set(key, record);
      this.nowUs = actual.nowUs;
      this.chargedAtUs.push(actual.atUs);
      if (this.chargedAtUs.length > 20) this.chargedAtUs.shift();
      const { nowUs, atUs } = result;
      const answers = result.answers.map((answer, j) => ({
        ...withoutReadings(answer, limits),
        // Answers may bring their step's clocks along.
        ...('atUs' in (actual.answers[j] ?? {}) ? { nowUs, atUs } : {}),
      }));
      return { ...result, answers };
    });
  }
}

function withoutReadings<T extends { readings?: unknown }>(answer: T, limits: readonly Limit[]): T {
  if (limits.length > 1) return answer;
  const { readings: _, ...rest } = answer;
  return rest as T;
}

describe.skipIf(skipReason('redis') !== undefined)('the script against core', () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = new Redis((await sharedServer('redis')).url);
  });
  afterAll(() => redis.disconnect());

  /** Seconds and microseconds of a clock, as `TIME` has them. */
  const clockOf = (nowUs: number): [number, number] => [Math.floor(nowUs / 1_000_000), nowUs % 1_000_000];

  const decideAt = async (nowUs: number, steps: readonly LimiterStep[]): Promise<LimiterResult[]> => {
    const { keys, args } = encodeSteps(steps, sameKey);
    const reply = await redis.eval(clockedDecide, keys.length, ...keys, ...args, ...clockOf(nowUs));
    return decodeReply('redis', steps, reply as unknown[]);
  };

  /** What the short script answers, and the other for those that it leaves. */
  const takeAt = async (nowUs: number, steps: readonly LimiterStep[]): Promise<[LimiterResult[], taken: number]> => {
    const takes = encodeTakes(steps, sameKey);
    if (!takes) return [await decideAt(nowUs, steps), 0];
    const [count, ...args] = takes.args;
    const reply = await redis.callBuffer('EVAL', clockedTakes[takes.kind], Number(count), ...args, ...clockOf(nowUs));
    const results: (LimiterResult | undefined)[] = decodeTakes(steps, reply as Buffer);
    const taken = results.filter((result) => result !== undefined).length;
    for (const [i, step] of steps.entries()) results[i] ??= (await decideAt(nowUs, [step]))[0];
    return [results as LimiterResult[], taken];
  };

  const seeds = Array.from({ length: 40 }, (_, i) => 1000 + i);

  it('answers as decideStep does on random traces whose clock leaps and steps back', async () => {
    for (const seed of seeds) {
      const random = new Random(seed);
      const policies = randomPolicies(random, 4);
      const model = new Model();
      const keys = Array.from({ length: 3 }, (_, i) => `differential:${seed}:${i}:${Math.random()}`);
      // Ten years ahead, so that Redis itself expires nothing meanwhile.
      let nowUs = (Date.now() + 10 * 365 * 86_400_000) * 1000 + random.below(1_000_000);
      for (let round = 0; round < 100; round++) {
        nowUs += random.pick([0, 0, 1, 137, 999, 1_000, 3_333, 50_000, 2_000_000, -1, -2_500, 86_400_000_000]);
        const steps = keys
          .filter(() => random.below(3) > 0)
          .map((key) => {
            const limits = random.pick(policies);
            return { key, limits, ops: randomOps(random, limits, model.chargedAtUs, nowUs) };
          });
        if (steps.length === 0) continue;
        const results = await decideAt(nowUs, steps);
        assert.deepEqual(
          results,
          model.expected(steps, results),
          `seed ${seed}, round ${round}, now ${nowUs}: ${JSON.stringify(steps)}`,
        );
      }
      await redis.del(...keys);
    }
  }, 120_000);

  it('answers as decideStep does when the short script and the long one take turns at the same records', async () => {
    let [asked, taken] = [0, 0];
    for (const seed of seeds) {
      const random = new Random(seed + 9000);
      const policies = [
        ...Array.from({ length: 3 }, () => [randomTakeLimit(random, 'a')]),
        ...randomPolicies(random, 1),
      ];
      let limits = random.pick(policies);
      const model = new Model();
      const keys = Array.from({ length: 4 }, (_, i) => `takes:${seed}:${i}:${Math.random()}`);
      let nowUs = (Date.now() + 10 * 365 * 86_400_000) * 1000 + random.below(1_000_000);
      for (let round = 0; round < 100; round++) {
        nowUs += random.pick([0, 0, 1, 137, 999, 1_000, 3_333, 50_000, 2_000_000, -1, -2_500, 86_400_000_000]);
        if (random.below(6) === 0) limits = random.pick(policies);
        const chosen = keys.filter(() => random.below(3) > 0);
        const steps = chosen.map((key) => {
          const ops = random.below(8) > 0 ? randomTakes(random, limits) : undefined;
          return { key, limits, ops: ops ?? randomOps(random, limits, model.chargedAtUs, nowUs) };
        });
        if (steps.length === 0) continue;
        const [results, short] = await takeAt(nowUs, steps);
        asked += steps.length;
        taken += short;
        assert.deepEqual(
          results,
          model.expected(steps, results),
          `seed ${seed}, round ${round}, now ${nowUs}: ${JSON.stringify(steps)}`,
        );
      }
      await redis.del(...keys);
    }
    assert.ok(taken > asked / 10, `the short script decided ${taken} of ${asked} steps only`);
    assert.ok(taken < asked * 0.9, `the long script decided ${asked - taken} of ${asked} steps only`);
  }, 120_000);

  it('answers as decideStep does by the clock of the server, through the store', async () => {
    const store = redisLimiterStore({ client: redis, prefix: `differential-${Math.random()}` });
    for (const seed of seeds.slice(0, 10)) {
      const random = new Random(seed + 5000);
      const policies = randomPolicies(random, 3);
      const model = new Model();
      const keys = Array.from({ length: 5 }, (_, i) => `${seed}:${i}`);
      for (let round = 0; round < 200; round++) {
        const takes = random.below(2) === 0 ? random.pick(policies) : undefined;
        const steps = keys.map((key) => {
          const limits = takes ?? random.pick(policies);
          return {
            key,
            limits,
            ops: takes ? randomTakes(random, limits) : randomOps(random, limits, model.chargedAtUs, model.nowUs),
          };
        });
        const results = await store.decide(steps, {});
        assert.deepEqual(
          results,
          model.expected(steps, results),
          `seed ${seed}, round ${round}: ${JSON.stringify(steps)}`,
        );
      }
    }
    await store.close();
  }, 120_000);
});
