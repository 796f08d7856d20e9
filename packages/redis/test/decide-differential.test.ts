import assert from 'node:assert/strict';
import { decideStep } from '@headgate/core';
import { sharedServer, skipReason } from '@headgate/test-servers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { decodeReply, encodeSteps } from '../src/limiter-codec.js';
import { redisLimiterStore } from '../src/limiter-store.js';
import { decideScript } from '../src/scripts/decide.js';
import { Random, randomOps, randomPolicies } from './random-steps.js';
import type { Limit, LimiterRecord, LimiterResult, LimiterStep } from '@headgate/core';

// The same script with a clock that the test turns, so that traces cross years and step back. The keys outlive the trace by Redis's own clock.
const clockedScript = decideScript
  .replace("call('TIME')", '{ ARGV[#ARGV - 1], ARGV[#ARGV] }')
  .replaceAll("'PX', ttlMs", "'PX', '600000'");

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
      return { ...result, answers: result.answers.map((answer) => withoutReadings(answer, limits)) };
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
        const { keys: records, args } = encodeSteps(steps, (key) => key);
        const clock = [Math.floor(nowUs / 1_000_000), nowUs % 1_000_000];
        const reply = (await redis.eval(clockedScript, records.length, ...records, ...args, ...clock)) as unknown[];
        const results = decodeReply('redis', steps, reply);
        assert.deepEqual(
          results,
          model.expected(steps, results),
          `seed ${seed}, round ${round}, now ${nowUs}: ${JSON.stringify(steps)}`,
        );
      }
      await redis.del(...keys);
    }
  }, 120_000);

  it('answers as decideStep does by the clock of the server, through the store', async () => {
    const store = redisLimiterStore({ client: redis, prefix: `differential-${Math.random()}` });
    for (const seed of seeds.slice(0, 10)) {
      const random = new Random(seed + 5000);
      const policies = randomPolicies(random, 3);
      const model = new Model();
      const keys = Array.from({ length: 5 }, (_, i) => `${seed}:${i}`);
      for (let round = 0; round < 200; round++) {
        const steps = keys.map((key) => {
          const limits = random.pick(policies);
          return { key, limits, ops: randomOps(random, limits, model.chargedAtUs, model.nowUs) };
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
