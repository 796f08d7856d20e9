import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLockHistory } from '../../src/locks/history/check.js';
import { extended, got, refused, released, rulesBroken, wrote } from './history-operations.js';
import type { LockHistoryRule, LockOperation } from '../../src/locks/history/operation.js';
import type { Span } from './history-operations.js';

// A correct lock, simulated: a line of grants, each perhaps extended, written under, refused to others, and released or left to expire.
interface Life {
  readonly restMs: number;
  readonly extends: boolean;
  readonly writes: number;
  readonly refuses: number;
  readonly expires: boolean;
}

const life: fc.Arbitrary<Life> = fc.record({
  restMs: fc.integer({ min: 1, max: 5 }),
  extends: fc.boolean(),
  writes: fc.nat(2),
  refuses: fc.nat(2),
  expires: fc.boolean(),
});

function simulate(lives: readonly Life[]): LockOperation[] {
  const history: LockOperation[] = [];
  let now = 0;
  const span = (): Span => [(now += 1), (now += 1)];
  for (const [index, each] of lives.entries()) {
    const token = 100 + index;
    const client = `c${index % 3}`;
    now += each.restMs;
    const grant = span();
    const leaseEndMs = now + 40;
    history.push(got(client, grant, token, { leaseEndMs }));
    let endMs = leaseEndMs;
    if (each.extends) {
      const when = span();
      endMs = now + 40;
      history.push(extended(client, when, token, endMs));
    }
    for (let write = 0; write < each.writes; write++) history.push(wrote(client, span(), token));
    for (let other = 0; other < each.refuses; other++) history.push(refused(`c${(index + 1) % 3}`, span()));
    if (each.expires) now = endMs;
    else history.push(released(client, span(), token));
  }
  return history;
}

describe('simulated histories', () => {
  const lives = fc.array(life, { minLength: 2, maxLength: 40 });

  it('have no breach when the lock is correct, in whatever order they are recorded', () => {
    fc.assert(
      fc.property(lives, fc.infiniteStream(fc.nat()), (each, order) => {
        const history = simulate(each);
        expect(checkLockHistory(history)).toEqual([]);
        const shuffled = history.map((operation) => ({ operation, rank: order.next().value as number }));
        shuffled.sort((one, other) => one.rank - other.rank);
        expect(checkLockHistory(shuffled.map(({ operation }) => operation))).toEqual([]);
      }),
    );
  });

  const damages: Record<
    string,
    { readonly rule: LockHistoryRule; damage(history: LockOperation[]): LockOperation[] | undefined }
  > = {
    'a grant with the token of the one before': {
      rule: 'token-repeated',
      damage(history) {
        const [first, second] = history.filter(
          (operation) => operation.op === 'acquire' && operation.outcome === 'acquired',
        );
        return (
          first &&
          second &&
          history.map((each) => (each === second ? ({ ...each, token: first.token } as LockOperation) : each))
        );
      },
    },
    'the last grant with a token below all': {
      rule: 'token-order',
      damage(history) {
        const last = history.filter((each) => each.op === 'acquire' && each.outcome === 'acquired').at(-1);
        return history.map((each) => (each === last ? ({ ...each, token: 1 } as LockOperation) : each));
      },
    },
    'a grant in the middle of another lease': {
      rule: 'holds-overlap',
      damage: (history) => {
        const [first] = history;
        assert.ok(first);
        return [...history, got('intruder', [first.returnMs + 0.1, first.returnMs + 0.2], 100.5)];
      },
    },
    'a write with the first token at the end': {
      rule: 'write-order',
      damage(history) {
        const writes = history.filter((operation) => operation.op === 'write');
        return (writes.at(-1)?.token ?? 0) > 100 ? [...history, wrote('c0', [1e6, 1e6 + 1], 100)] : undefined;
      },
    },
    'a refusal when all is over': {
      rule: 'phantom-busy',
      damage: (history) => [...history, refused('late', [1e6, 1e6 + 1])],
    },
    'an extension of the first lease at the end': {
      rule: 'ended-not-current',
      damage: (history) => [...history, extended('c0', [1e6, 1e6 + 1], 100, 1e6 + 9)],
    },
    'a second release of a lease': {
      rule: 'released-twice',
      damage(history) {
        const release = history.find((operation) => operation.op === 'release');
        return release && [...history, { ...release, invokeMs: 1e6, returnMs: 1e6 + 1 }];
      },
    },
  };
  for (const [name, { rule, damage }] of Object.entries(damages)) {
    it(`are caught with ${name}`, () => {
      fc.assert(
        fc.property(lives, (each) => {
          const damaged = damage(simulate(each));
          fc.pre(damaged !== undefined);
          expect(rulesBroken(damaged)).toContain(rule);
        }),
      );
    });
  }

  it('of 100,000 operations are checked in seconds, since tokens name the order', () => {
    const many = Array.from({ length: 25_000 }, () => ({
      restMs: 1,
      extends: true,
      writes: 1,
      refuses: 1,
      expires: false,
    }));
    const history = simulate(many);
    expect(history.length).toBeGreaterThan(100_000);
    const started = performance.now();
    expect(checkLockHistory(history)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
