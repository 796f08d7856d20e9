import { expect, it } from 'vitest';
import { number, reportOf, reportTables } from './report.js';
import type { Row, Table } from './table.js';

function verdictOf(bounds: Pick<Row, 'must' | 'goal'>, value: number): string | undefined {
  const table: Table = {
    name: 't',
    title: 'T',
    about: '',
    packages: [],
    workloads: [],
    rows: [{ title: 'row', unit: 'x', value: () => value, ...bounds }],
  };
  return reportOf(table, new Map()).rows[0]?.verdict;
}

it('tells the goal from the must and either from a miss, in both directions', () => {
  const more = { must: { atLeast: 1.5 }, goal: { atLeast: 2 } };
  expect([verdictOf(more, 2), verdictOf(more, 1.5), verdictOf(more, 1.49)]).toEqual(['goal met', 'must met', 'MISSED']);
  const less = { must: { atMost: 140 }, goal: { atMost: 100 } };
  expect([verdictOf(less, 100), verdictOf(less, 140), verdictOf(less, 141)]).toEqual([
    'goal met',
    'must met',
    'MISSED',
  ]);
  expect(verdictOf({}, 1)).toBe('');
});

it('prints three digits that matter', () => {
  expect([number(0.9949), number(1_234_567.8), number(97.46), number(0)]).toEqual(['0.995', '1,234,568', '97.5', '0']);
});

it('prints what a row was compared with', () => {
  const row = {
    title: 'consume',
    unit: 'x',
    value: 1.25,
    against: 'peer',
    must: 'at least 1',
    goal: '',
    verdict: 'must met' as const,
  };
  expect(reportTables({ table: 't', rows: [row], medians: [] })).toContain(
    '| consume (peer) | 1.25 x   | at least 1 |',
  );
});
