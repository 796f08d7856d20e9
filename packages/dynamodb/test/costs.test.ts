import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fixedWindow } from '@headgate/core';
import { skipReason } from '@headgate/test-servers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { dynamoLimiterStore, dynamoLockStore } from '../src/index.js';
import { openPlace } from './service.js';
import type { AcquireRequest, LimiterOp, LimiterStore, LockStore } from '@headgate/core';
import type { Place } from './service.js';

/** What something cost: requests, write units, read units. */
interface Cost {
  requests: number;
  writes: number;
  reads: number;
}

interface Consumed {
  readonly CapacityUnits?: number;
}

const hour = fixedWindow({ limit: 1_000, windowMs: 3_600_000 });
let count = 0;
const newKey = (): string => `files:k${(count += 1)}`;

/** Makes the client of a place count: the units are those the service reports, and one for a condition that failed, which it bills and does not report. */
function countCosts({ client }: Place): Cost {
  const total: Cost = { requests: 0, writes: 0, reads: 0 };
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const isRead = /Get|Scan|Query/.test(commandName);
        total.requests += 1;
        Object.assign(args.input, { ReturnConsumedCapacity: 'TOTAL' });
        try {
          const result = await next(args);
          const { ConsumedCapacity: consumed } = result.output as { ConsumedCapacity?: Consumed | readonly Consumed[] };
          for (const { CapacityUnits = 0 } of [consumed ?? []].flat())
            total[isRead ? 'reads' : 'writes'] += CapacityUnits;
          return result;
        } catch (error) {
          if ((error as Error).name === 'ConditionalCheckFailedException') total.writes += 1;
          throw error;
        }
      },
    { step: 'initialize', name: 'countCosts' },
  );
  return total;
}

/** The README's table of costs, by the text of its first column. */
function statedCosts(): Map<string, Cost> {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const rows = text.matchAll(
    /^\| (?<call>[^|]+?) +\| (?<requests>[\d.]+) +\| (?<writes>[\d.]+) +\| (?<reads>[\d.]+) +\|$/gm,
  );
  return new Map(
    [...rows].map(({ groups = {} }) => [
      groups['call'] ?? '',
      { requests: Number(groups['requests']), writes: Number(groups['writes']), reads: Number(groups['reads']) },
    ]),
  );
}

/** Each row of that table: what prepares it, and what is counted. */
const calls: Record<string, (place: Place) => Promise<() => Promise<unknown>>> = {
  "a process's first call, here an `inspect`: the service's time too": async (place) => {
    const store = locksOf(place);
    return () => store.inspect(newKey()).then(() => undefined);
  },
  '`consume`, a new key': async (place) => {
    const store = await warmLimiter(place);
    return () => decide(store, newKey(), consume(1));
  },
  '`consume`, a key this process wrote last': async (place) => {
    const store = await warmLimiter(place);
    const key = newKey();
    await decide(store, key, consume(1));
    return () => decide(store, key, consume(1));
  },
  '`consume`, 100 callers at once': async (place) => {
    const store = await warmLimiter(place);
    const key = newKey();
    await decide(store, key, consume(1));
    return () => decide(store, key, ...Array.from({ length: 100 }, () => consume(1)));
  },
  '`consume`, a key that others wrote last': async (place) => {
    const [store, other] = [await warmLimiter(place), await warmLimiter(place)];
    const key = newKey();
    await decide(store, key, consume(1));
    await decide(other, key, consume(1));
    return () => decide(store, key, consume(1));
  },
  '`peek`, or a `consume` that is denied': async (place) => {
    const store = await warmLimiter(place);
    const key = newKey();
    await decide(store, key, consume(1_000));
    return () => decide(store, key, consume(1));
  },
  '`reset`': async (place) => {
    const store = await warmLimiter(place);
    const key = newKey();
    await decide(store, key, consume(1));
    return () => decide(store, key, { kind: 'reset' });
  },
  '`acquire`, a free lock': async (place) => {
    const store = await warmLocks(place);
    return () => store.acquire(request());
  },
  '`release`': async (place) => {
    const store = await warmLocks(place);
    const held = await take(store);
    return () => store.release([held]);
  },
  '`acquire`, first look at a held lock': async (place) => {
    const [store, other] = [await warmLocks(place), await warmLocks(place)];
    const { key } = await take(store);
    return () => other.acquire(request(key));
  },
  '`acquire`, each further look': async (place) => {
    const [store, other] = [await warmLocks(place), await warmLocks(place)];
    const { key } = await take(store);
    await other.acquire(request(key));
    return () => other.acquire(request(key));
  },
  'renewal of one lease': async (place) => {
    const store = await warmLocks(place);
    const held = await take(store);
    return () => store.extend([held]);
  },
  'renewal of 25 leases together': async (place) => {
    const store = await warmLocks(place);
    const held = await Promise.all(Array.from({ length: 25 }, () => take(store)));
    return () => store.extend(held);
  },
  '`acquireAll`, 3 locks': async (place) => {
    const store = await warmLocks(place);
    return async () => store.acquireAll?.([request(), request(), request()]);
  },
  '`inspect`': async (place) => {
    const store = await warmLocks(place);
    const { key } = await take(store);
    return () => store.inspect(key);
  },
};

/** Calls whose units the emulator does not report: the README gives those of AWS's price list, and says so. */
const unreported: ReadonlySet<string> = new Set(['renewal of 25 leases together', '`acquireAll`, 3 locks']);

const consume = (cost: number): LimiterOp => ({ kind: 'consume', cost });

async function decide(store: LimiterStore, key: string, ...ops: readonly LimiterOp[]): Promise<void> {
  const [result] = await store.decide([{ key, limits: [hour], ops }], {});
  if (!result || 'error' in result) throw result?.error ?? new Error('no result');
}

const locksOf = ({ client, table }: Place): LockStore => dynamoLockStore({ client, table });

async function warmLimiter({ client, table }: Place): Promise<LimiterStore> {
  const store = dynamoLimiterStore({ client, table });
  await decide(store, newKey(), consume(1));
  return store;
}

async function warmLocks(place: Place): Promise<LockStore> {
  const store = locksOf(place);
  await store.inspect(newKey());
  return store;
}

function request(key: string = newKey()): AcquireRequest {
  return { key, leaseId: `lease-${(count += 1)}`, ownerId: 'me', mode: 'exclusive', permits: 1, ttlMs: 30_000 };
}

async function take(store: LockStore) {
  const asked = request();
  const reply = await store.acquire(asked);
  assert.ok(reply.acquired);
  return { ...asked, fencingToken: reply.fencingToken };
}

describe.skipIf(skipReason('dynamodb') !== undefined)('the costs in the README', () => {
  let place: Place;
  let total: Cost;
  beforeAll(async () => {
    place = await openPlace('dynamodb');
    total = countCosts(place);
  });
  afterAll(() => place.client.destroy());

  it('are of the calls that are counted here, no more and no fewer', () => {
    assert.deepEqual([...statedCosts().keys()], Object.keys(calls));
  });

  for (const [name, prepare] of Object.entries(calls)) {
    it(`are right for ${name}`, async () => {
      const call = await prepare(place);
      const before = { ...total };
      await call();
      const cost = {
        requests: total.requests - before.requests,
        writes: total.writes - before.writes,
        reads: total.reads - before.reads,
      };
      const stated = statedCosts().get(name);
      if (unreported.has(name)) assert.equal(cost.requests, stated?.requests);
      else assert.deepEqual(cost, stated);
    });
  }
});
