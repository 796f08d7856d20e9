import { describe, expect, it } from 'vitest';
import { checkLockHistory, type LockHistoryOptions } from '../../src/locks/history/check.js';
import { at, extended, forced, got, refused, released, rulesBroken, wrote } from './history-operations.js';
import type { LockHistoryRule, LockOperation } from '../../src/locks/history/operation.js';

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
