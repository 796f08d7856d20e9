import { optionsObject, StoreError } from '@headgate/core';
import { Connection, connectionOptions } from './connection.js';
import { keySpace } from './keys.js';
import { LateSignals } from './late-signals.js';
import { decodeReply, encodeSteps } from './limiter-codec.js';
import { decodeTakes, encodeTakes } from './limiter-takes.js';
import { Script } from './script.js';
import { decideScript } from './scripts/decide.js';
import { takeScripts } from './scripts/take.js';
import { wasSentAround } from './store-error.js';
import type { LimiterResult, LimiterStep, LimiterStore } from '@headgate/core';
import type { RedisConnectionOptions } from './connection.js';
import type { KeySpace } from './keys.js';
import type { SignalHolder } from './late-signals.js';

/** Options of {@link redisLimiterStore}. */
export interface RedisLimiterStoreOptions extends RedisConnectionOptions {
  /** The `store` label of every metric; default `redis`, or `redis_cluster` for a Cluster. */
  readonly name?: string | undefined;
  /** Beginning of every key; default `headgate`. No braces. */
  readonly prefix?: string | undefined;
  /** Number of hash tags over which keys are spread, 1 to 4,096; default 16. All processes on the same data must agree. */
  readonly buckets?: number | undefined;
}

/**
 * Rate limits in Redis 6.2 or later, standalone, through Sentinel or in a Cluster. One script call decides a whole batch by the server's clock (in a
 * Cluster one per hash tag); what is denied is not written; every key expires when it equals a fresh one. Throws `InvalidArgumentError` for
 * anything but an ioredis client. Close it when done: it owns a connection.
 */
export function redisLimiterStore(options: RedisLimiterStoreOptions): LimiterStore {
  optionsObject('options', options, connectionOptions);
  const keys = keySpace(options.prefix, options.buckets);
  const name = options.name ?? (options.client?.isCluster ? 'redis_cluster' : 'redis');
  const decide = new Script('headgateDecide', decideScript);
  const takes = {
    tokenBucket: new Script('headgateTakeFromBucket', takeScripts.tokenBucket, true),
    fixedWindow: new Script('headgateTakeFromWindow', takeScripts.fixedWindow, true),
  };
  const connection = new Connection(name, options, [decide, ...Object.values(takes)]);
  const signals = new LateSignals();
  const keyOf = (key: string): string => `${keys.base(keys.bucketOf(key))}r:${key}`;

  const decideAny = async (steps: readonly LimiterStep[]): Promise<LimiterResult[]> => {
    const { keys: records, args } = encodeSteps(steps, keyOf);
    const reply = await connection.send(decide, [records.length, ...records, ...args]);
    return decodeReply(name, steps, reply as readonly unknown[]);
  };

  const decideTogether = (steps: readonly LimiterStep[]): Promise<LimiterResult[]> => {
    const call = encodeTakes(steps, keyOf);
    if (!call) return decideAny(steps);
    return connection.run(takes[call.kind], call.args, (reply) => {
      const decided = decodeTakes(steps, reply as Buffer);
      return decided.includes(undefined) ? decideRest(steps, decided) : (decided as LimiterResult[]);
    });
  };

  /** What the script left undone is sent for the first time. */
  const decideRest = async (
    steps: readonly LimiterStep[],
    decided: readonly (LimiterResult | undefined)[],
  ): Promise<LimiterResult[]> => {
    const rest = steps.filter((_, i) => decided[i] === undefined);
    const results = await withOwnErrors(rest, decideAny(rest));
    return decided.map((each) => each ?? (results.shift() as LimiterResult));
  };

  const store = {
    name,
    clock: 'store' as const,
    capabilities: {
      maxSlidingLogLimit: 5_000,
      maxBatchSteps: 512,
      maxStepOps: 4_096,
      // Reads stop at once; the memory is reclaimed when Redis next samples the key.
      removalLagMs: 1_000,
    },
    decide: (steps: readonly LimiterStep[], holder: SignalHolder) =>
      signals.watch(connection.isCluster ? decideByBucket(steps, keys, decideTogether) : decideTogether(steps), holder),
    close: async () => connection.close(),
  };
  return connection.isCluster ? { ...store, lane: (key: string) => String(keys.bucketOf(key)) } : store;
}

/**
 * One call per hash tag, all at once; a call that fails is the error of its own steps, and one that its Cluster could not place is made again step
 * by step.
 */
async function decideByBucket(
  steps: readonly LimiterStep[],
  { bucketOf }: KeySpace,
  decide: (steps: readonly LimiterStep[]) => Promise<LimiterResult[]>,
): Promise<LimiterResult[]> {
  const decideTogether = (together: readonly LimiterStep[]): Promise<LimiterResult[]> =>
    together.length === 1
      ? decide(together)
      : decide(together).catch(async (error: unknown) => {
          if (!wasSentAround(error)) throw error;
          return (await Promise.all(together.map((step) => withOwnErrors([step], decide([step]))))).flat();
        });
  const groups = new Map<number, number[]>();
  steps.forEach(({ key }, index) => {
    const bucket = bucketOf(key);
    const group = groups.get(bucket);
    if (group) group.push(index);
    else groups.set(bucket, [index]);
  });
  if (groups.size === 1) return decideTogether(steps);
  const results: LimiterResult[] = [];
  await Promise.all(
    Array.from(groups.values(), async (indexes) => {
      const together = indexes.map((index) => steps[index] as LimiterStep);
      const decided = await withOwnErrors(together, decideTogether(together));
      indexes.forEach((index, i) => (results[index] = decided[i] as LimiterResult));
    }),
  );
  return results;
}

/** `results`, or their failure as the error of each step, because other steps have answers. */
function withOwnErrors(steps: readonly LimiterStep[], results: Promise<LimiterResult[]>): Promise<LimiterResult[]> {
  return results.catch((error: unknown) => {
    if (error instanceof StoreError) return steps.map(() => ({ error }));
    throw error;
  });
}
