import { decideStep, fixedWindow, slidingLog, slidingWindow, tokenBucket } from '@headgate/core';
import { postgresLimiterStore } from '@headgate/postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeEntries } from '../dist/limiter-wire.js';
import { manualClock, openDatabase } from './database.js';
import type { Limit, LimiterAnswer, LimiterOp, LimiterRecord, LimiterResult, LimiterStep } from '@headgate/core';
import type { PoolQuery } from '../dist/pool.js';
import type { TestDatabase } from './database.js';

const startUs = 1_795_000_000_123_457;
let database: TestDatabase;
let setClock: (nowUs: number) => Promise<void>;

beforeAll(async () => {
  database = await openDatabase({ max: 1 });
  setClock = await manualClock(database, startUs);
});
afterAll(() => database.drop());

/** xorshift32: a trace is its seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const extreme = Number.MAX_SAFE_INTEGER;

const policies: readonly (readonly Limit[])[] = [
  [tokenBucket({ capacity: 10, refillIntervalMs: 1000 })],
  [tokenBucket({ capacity: 10, refillIntervalMs: 1000 })],
  [tokenBucket({ capacity: 7, refillTokens: 7, refillIntervalMs: 3000 })],
  [tokenBucket({ capacity: 25, refillTokens: 3, refillIntervalMs: 700 })],
  [tokenBucket({ capacity: 2 ** 40, refillTokens: 2 ** 39, refillIntervalMs: 1 })],
  [tokenBucket({ capacity: 1_000_000, refillIntervalMs: 86_400_000 })],
  [fixedWindow({ limit: 10, windowMs: 1000 })],
  [fixedWindow({ limit: 6, windowMs: 1000 })],
  [fixedWindow({ limit: 10, windowMs: 1000, aligned: true })],
  [fixedWindow({ limit: 2 ** 50, windowMs: 2 ** 40 })],
  [slidingWindow({ limit: 10, windowMs: 1000 })],
  [slidingWindow({ limit: 2 ** 50, windowMs: 2 ** 40 })],
  [slidingWindow({ limit: 2 ** 50 - 1, windowMs: 7 })],
  [slidingLog({ limit: 10, windowMs: 1000 })],
  [slidingLog({ limit: 4, windowMs: 700 })],
  [
    tokenBucket({ name: 'burst', capacity: 5, refillIntervalMs: 1000 }),
    fixedWindow({ name: 'day', limit: 12, windowMs: 5000 }),
  ],
  [slidingWindow({ name: 'burst', limit: 5, windowMs: 1000 }), slidingLog({ name: 'log', limit: 9, windowMs: 2000 })],
  [
    slidingLog({ name: 'day', limit: 9, windowMs: 5000 }),
    tokenBucket({ name: 'log', capacity: 3, refillIntervalMs: 900 }),
    slidingWindow({ name: 'default', limit: 8, windowMs: 1000 }),
  ],
];

function randomCost(random: (below: number) => number, limits: readonly Limit[]): number {
  const { limit } = limits[random(limits.length)] as Limit;
  return [0, 1, 1, 1, 2, 3, limit, limit + 1, Math.ceil(limit / 2), Math.floor(limit / 3), 2 * limit, extreme][
    random(12)
  ] as number;
}

function randomOp(random: (below: number) => number, limits: readonly Limit[], charged: readonly number[]): LimiterOp {
  const cost = randomCost(random, limits);
  const kind = random(20);
  if (kind < 9) return { kind: 'consume', cost };
  if (kind < 11) return { kind: 'consumeUpTo', cost };
  if (kind < 13) return { kind: 'peek', cost };
  if (kind < 16) return { kind: 'refund', cost, atUs: charged[random(charged.length)] ?? extreme };
  if (kind < 18) return { kind: 'penalize', cost };
  if (kind < 19) return { kind: 'block', forUs: [0, 1, 400_000, 2_000_000][random(4)] as number };
  return { kind: 'reset' };
}

/** A store may leave out the only reading, which says what the answer does. */
function withReadings(result: LimiterResult): unknown {
  if (!('answers' in result)) return result;
  const readings = ({ remaining, resetAtUs }: LimiterAnswer) => [{ remaining, resetAtUs }];
  return { ...result, answers: result.answers.map((answer) => ({ readings: readings(answer), ...answer })) };
}

async function storedRecord(key: string): Promise<LimiterRecord | undefined> {
  const { rows } = await database.pool.query(
    `SELECT last_us::float8, blocked_us::float8, level::float8, names, data::text[] FROM "${database.schema}".limits WHERE key = $1`,
    [Buffer.from(key)],
  );
  const row = rows[0] as
    | { last_us: number; blocked_us: number; level: number | null; names: string[]; data: string[] }
    | undefined;
  if (!row) return undefined;
  const data = row.data.map(Number);
  if (row.level !== null) data.push(2, row.level, row.last_us);
  const entries = decodeEntries(row.names, data);
  return { version: 1, lastUs: row.last_us, blockedUntilUs: row.blocked_us, entries };
}

const seeds = (process.env.HEADGATE_TEST_SEEDS ?? '1 2 3 4 5 6 7 8').split(' ').map(Number);
const traces = seeds.flatMap((seed) => [{ seed, lone: false } as const, { seed, lone: true } as const]);

it.each(traces)(
  'the SQL leaves the record that decideStep leaves, and is answered as decideStep answers ($seed, lone: $lone)',
  async ({ seed, lone }) => {
    const random = randomFrom(seed * 7919);
    let taken = 0;
    const pool = {
      async query(query: PoolQuery) {
        const answer = await database.pool.query(query);
        if (query.name?.endsWith('_lone') && (answer.rows[0] as unknown[])[0] === null) taken++;
        return answer;
      },
    };
    const store = postgresLimiterStore({ pool, schema: database.schema });
    const records = new Map<string, LimiterRecord | undefined>();
    const charged = [startUs];
    // Half of the traces stay with the scalar path, the others mix everything.
    const choice = seed % 2 === 0 || lone ? policies.slice(0, 6) : policies;
    const consumesOnly = seed % 4 === 0 || (lone && seed % 2 === 0);
    let nowUs = startUs + random(1_000_000);
    for (let round = 0; round < 150; round++) {
      nowUs += [0, 0, 1, 999, 100_000, 333_333, 1_000_000, 4_999_999, -200_000][random(9)] as number;
      await setClock(nowUs);
      const count = lone ? 1 : 1 + random(3);
      const steps = Array.from({ length: count }, (_, i): LimiterStep => {
        // A lone trace stays with its policy for some rounds: the update leaves another one's record to the function.
        const place = lone && random(6) > 0 ? (seed >> 1) % 2 : random(choice.length);
        const limits = choice[place] as readonly Limit[];
        const op = (): LimiterOp =>
          consumesOnly || (lone && random(8) > 0)
            ? { kind: 'consume', cost: randomCost(random, limits) }
            : randomOp(random, limits, charged);
        const ops = lone
          ? Array<LimiterOp>(1 + (random(4) >> 1)).fill(op())
          : Array.from({ length: 1 + random(4) }, op);
        return { key: `${seed}:${lone}:${String.fromCharCode(99 - i)}`, limits, ops };
      });
      const results = await store.decide(steps, {});
      for (const [i, step] of steps.entries()) {
        const expected = decideStep(records.get(step.key), step.limits, step.ops, nowUs);
        expect(withReadings(results[i] as LimiterResult), JSON.stringify({ round, step })).toEqual(expected.result);
        // A record that turned fresh stays in the table until a write or the clean-up; should the clock step back, it counts again.
        if (!expected.changed) continue;
        records.set(step.key, expected.record);
        expect(await storedRecord(step.key), JSON.stringify({ round, step })).toEqual(expected.record);
      }
      charged.push(nowUs);
    }
    // Some of both: what the update takes, and what it leaves to the function.
    if (lone) expect(taken).toBeGreaterThan(0);
    if (lone) expect(taken).toBeLessThan(150);
  },
);
