import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLockHistory, type LockHistoryOptions } from '../../src/locks/history/check.js';
import type {
  LockHistoryRule,
  LockOperation,
  RecordedAcquire,
  RecordedExtend,
  RecordedRelease,
  RecordedWrite,
} from '../../src/locks/history/operation.js';

type Span = readonly [invokeMs: number, returnMs: number];

const at = (
  [invokeMs, returnMs]: Span,
  client: string,
): Pick<LockOperation, 'client' | 'key' | 'invokeMs' | 'returnMs'> => ({
  client,
  key: 'k',
  invokeMs,
  returnMs,
});
const got = (client: string, span: Span, token: number, more: Partial<RecordedAcquire> = {}): RecordedAcquire => ({
  op: 'acquire',
  outcome: 'acquired',
  token,
  ...at(span, client),
  ...more,
});
const refused = (client: string, span: Span): RecordedAcquire => ({
  op: 'acquire',
  outcome: 'refused',
  ...at(span, client),
});
const released = (client: string, span: Span, token: number): RecordedRelease => ({
  op: 'release',
  outcome: 'ok',
  token,
  ...at(span, client),
});
const extended = (client: string, span: Span, token: number, leaseEndMs: number): RecordedExtend => ({
  op: 'extend',
  outcome: 'ok',
  token,
  leaseEndMs,
  ...at(span, client),
});
const wrote = (
  client: string,
  span: Span,
  token: number,
  outcome: RecordedWrite['outcome'] = 'accepted',
): RecordedWrite => ({
  op: 'write',
  outcome,
  token,
  ...at(span, client),
});
const forced = (span: Span, token: number): LockOperation => ({ op: 'force', token, ...at(span, 'operator') });

const rulesBroken = (history: readonly LockOperation[], options?: LockHistoryOptions): LockHistoryRule[] => [
  ...new Set(checkLockHistory(history, options).map((violation) => violation.rule)),
];

describe('histories that a correct lock can produce', () => {
  const good: Record<string, readonly LockOperation[]> = {
    'one after another': [
      got('a', [0, 1], 1),
      wrote('a', [2, 3], 1),
      released('a', [4, 5], 1),
      got('b', [6, 7], 2),
      wrote('b', [8, 9], 2),
    ],
    'granted while the release is on its way': [got('a', [0, 1], 1), released('a', [4, 9], 1), got('b', [5, 6], 2)],
    'concurrent grants in either order': [got('a', [0, 9], 2), got('b', [0, 3], 1), released('b', [4, 5], 1)],
    'after an expiry': [got('a', [0, 1], 1, { leaseEndMs: 10 }), got('b', [11, 12], 2)],
    'prolonged by an extension': [
      got('a', [0, 1], 1, { leaseEndMs: 10 }),
      extended('a', [5, 6], 1, 15),
      refused('b', [12, 13]),
      got('b', [16, 17], 2),
    ],
    'a refusal while a grant of unknown outcome may hold': [
      { op: 'acquire', outcome: 'unknown', ...at([0, Number.POSITIVE_INFINITY], 'a') },
      refused('b', [50, 51]),
    ],
    'a refusal behind a waiter that gave up': [
      { op: 'acquire', outcome: 'gave-up', waited: true, ...at([0, 9], 'a') },
      refused('b', [5, 6]),
    ],
    'readers together': [
      got('a', [0, 1], 1, { mode: 'shared' }),
      got('b', [2, 3], 2, { mode: 'shared' }),
      released('a', [4, 5], 1),
    ],
    'two of two permits': [
      got('a', [0, 1], 1, { mode: 'permit', permits: 2 }),
      got('b', [2, 3], 2, { mode: 'permit', permits: 2 }),
    ],
    'a stale write that is fenced': [
      got('a', [0, 1], 1, { leaseEndMs: 10 }),
      got('b', [11, 12], 2),
      wrote('b', [13, 14], 2),
      wrote('a', [15, 16], 1, 'fenced'),
    ],
    'a forced release whose token shuts the evicted out': [
      got('a', [0, 1], 1),
      forced([2, 3], 2),
      wrote('operator', [4, 5], 2),
      wrote('a', [6, 7], 1, 'fenced'),
    ],
    'the same tokens on different keys': [got('a', [0, 1], 1), { ...got('a', [2, 3], 1), key: 'other' }],
  };
  for (const [name, history] of Object.entries(good)) {
    it(`${name}`, () => {
      expect(checkLockHistory(history)).toEqual([]);
    });
  }
});

describe('histories that no correct lock can produce', () => {
  const bad: readonly (readonly [
    name: string,
    rule: LockHistoryRule,
    history: readonly LockOperation[],
    options?: LockHistoryOptions,
  ])[] = [
    [
      'one token for two grants',
      'token-repeated',
      [got('a', [0, 1], 5), released('a', [2, 3], 5), got('b', [4, 5], 5)],
    ],
    [
      'a forced release reuses a token',
      'token-repeated',
      [got('a', [0, 1], 5), forced([2, 3], 5)],
      { unpaused: false },
    ],
    [
      'tokens start again after a wipe',
      'token-order',
      [got('a', [0, 1], 9), released('a', [2, 3], 9), got('b', [4, 5], 1)],
    ],
    [
      'a grant below a forced release',
      'token-order',
      [got('a', [0, 1], 1), forced([2, 3], 9), got('b', [4, 5], 5)],
      { unpaused: false },
    ],
    ['two hold at once', 'holds-overlap', [got('a', [0, 1], 1), got('b', [2, 3], 2)]],
    ['freed before its lease ended', 'holds-overlap', [got('a', [0, 1], 1, { leaseEndMs: 10 }), got('b', [5, 6], 2)]],
    [
      'an extension that did not count',
      'holds-overlap',
      [got('a', [0, 1], 1, { leaseEndMs: 10 }), extended('a', [5, 6], 1, 20), got('b', [11, 12], 2)],
    ],
    ['a writer beside a reader', 'holds-overlap', [got('a', [0, 1], 1, { mode: 'shared' }), got('b', [2, 3], 2)]],
    [
      'a permit too many',
      'holds-overlap',
      [1, 2, 3].map((token) => got(`c${token}`, [token, token + 0.5], token, { mode: 'permit', permits: 2 })),
    ],
    [
      'a stale write is accepted',
      'write-order',
      [
        got('a', [0, 1], 1, { leaseEndMs: 10 }),
        got('b', [11, 12], 2),
        wrote('b', [13, 14], 2),
        wrote('a', [15, 16], 1),
      ],
    ],
    ['a write with an invented token', 'write-unissued', [got('a', [0, 1], 1), wrote('a', [2, 3], 7)]],
    ['the newest is fenced', 'write-refused', [got('a', [0, 1], 1), wrote('a', [2, 3], 1, 'fenced')]],
    ['refused while free', 'phantom-busy', [got('a', [0, 1], 1), released('a', [2, 3], 1), refused('b', [4, 5])]],
    [
      'still refused long after the lease ended',
      'phantom-busy',
      [got('a', [0, 1], 1, { leaseEndMs: 10 }), refused('b', [50, 51])],
      { slackMs: 20 },
    ],
    ['refused after a forced release', 'phantom-busy', [got('a', [0, 1], 1), forced([2, 3], 2), refused('b', [4, 5])]],
    [
      'an extension after another was granted',
      'ended-not-current',
      [got('a', [0, 1], 1, { leaseEndMs: 10 }), got('b', [11, 12], 2), extended('a', [13, 14], 1, 30)],
      { unpaused: false },
    ],
    [
      'a stale release that says it released',
      'ended-not-current',
      [got('a', [0, 1], 1, { leaseEndMs: 10 }), got('b', [11, 12], 2), released('a', [13, 14], 1)],
    ],
    [
      'an extension after the release',
      'ended-not-current',
      [got('a', [0, 1], 1), released('a', [2, 3], 1), extended('a', [4, 5], 1, 9)],
    ],
    ['a release of what was never granted', 'ended-not-current', [released('a', [2, 3], 1)]],
    [
      'an evicted holder extends',
      'ended-not-current',
      [got('a', [0, 1], 1, { leaseEndMs: 10 }), forced([2, 3], 2), extended('a', [4, 5], 1, 14)],
    ],
    ['released twice', 'released-twice', [got('a', [0, 1], 1), released('a', [2, 3], 1), released('a', [4, 5], 1)]],
  ];
  for (const [name, rule, history, options] of bad) {
    it(`${name}: ${rule}`, () => {
      expect(rulesBroken(history, options)).toContain(rule);
    });
  }

  it('names the operations that prove a breach', () => {
    const first = got('a', [0, 1], 1);
    const second = got('b', [2, 3], 2);
    expect(checkLockHistory([first, second])[0]?.operations).toEqual([first, second]);
  });

  it('breaks every rule at least once above, and each rule is proven alone somewhere', () => {
    const rules = new Set(bad.map(([, rule]) => rule));
    expect(rules.size).toBe(9);
    for (const rule of rules) {
      const alone = bad.some(
        ([, each, history, options]) => each === rule && rulesBroken(history, options).length === 1,
      );
      expect(alone, `a history that only ${rule} catches`).toBe(true);
    }
  });
});

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
