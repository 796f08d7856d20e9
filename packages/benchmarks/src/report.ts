import { resultsOf } from './results.js';
import type { Samples } from './results.js';
import type { Row, Table } from './table.js';

/** A row with its number. */
export interface RowReport {
  readonly title: string;
  readonly unit: string;
  readonly value: number;
  readonly against: string | undefined;
  readonly must: string;
  readonly goal: string;
  readonly verdict: 'goal met' | 'must met' | 'MISSED' | '';
}

/** What one contestant reached. */
export interface MedianReport {
  readonly workload: string;
  readonly contestant: string;
  readonly unit: string;
  readonly value: number;
  readonly details: Readonly<Record<string, number>>;
}

/** A table's outcome; also what `--json` prints. */
export interface TableReport {
  readonly table: string;
  readonly rows: readonly RowReport[];
  readonly medians: readonly MedianReport[];
}

/** Works a table's rows out. */
export function reportOf(table: Table, samples: Samples): TableReport {
  const results = resultsOf(samples);
  const rows = table.rows.map((row): RowReport => {
    const measured = row.value(results);
    const { value, against } = typeof measured === 'number' ? { value: measured, against: undefined } : measured;
    const { title, unit } = row;
    return { title, unit, value, against, must: bound(row.must), goal: bound(row.goal), verdict: verdict(row, value) };
  });
  const medians = table.workloads.flatMap((workload) =>
    Object.keys(workload.contestants).map((contestant): MedianReport => {
      const details = samples.get(workload.id)?.get(contestant)?.[0]?.details ?? {};
      return {
        workload: workload.title,
        contestant,
        unit: workload.unit,
        value: results.median(workload.id, contestant),
        details: Object.fromEntries(
          Object.keys(details).map((name) => [name, results.median(workload.id, contestant, name)]),
        ),
      };
    }),
  );
  return { table: table.name, rows, medians };
}

/** The report as two Markdown tables, which read well on a terminal too. */
export function reportTables({ rows, medians }: TableReport): string {
  const rowLines = rows.map((row) => [
    row.against === undefined ? row.title : `${row.title} (${row.against})`,
    `${number(row.value)} ${row.unit}`.trim(),
    row.must,
    row.goal,
    row.verdict,
  ]);
  const medianLines = medians.map(({ workload, contestant, unit, value, details }) => [
    workload,
    contestant,
    `${number(value)} ${unit}`,
    Object.entries(details)
      .map(([name, detail]) => `${name} ${number(detail)}`)
      .join(', '),
  ]);
  return [
    markdownTable(['', 'measured', 'must', 'goal', 'verdict'], rowLines),
    '',
    markdownTable(['workload', 'contestant', 'median', ''], medianLines),
  ].join('\n');
}

/** Three digits that matter, with separators. */
export function number(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toString();
}

function bound(limit: Row['must']): string {
  if (!limit) return '';
  return 'atLeast' in limit ? `at least ${number(limit.atLeast)}` : `at most ${number(limit.atMost)}`;
}

function verdict({ must, goal }: Row, value: number): RowReport['verdict'] {
  if (goal && keeps(goal, value)) return 'goal met';
  if (must) return keeps(must, value) ? 'must met' : 'MISSED';
  return '';
}

function keeps(limit: NonNullable<Row['must']>, value: number): boolean {
  return 'atLeast' in limit ? value >= limit.atLeast : value <= limit.atMost;
}

/** A Markdown table whose columns are as wide as their widest cell. */
export function markdownTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [row(head), row(widths.map((width) => '-'.repeat(width))), ...lines.map(row)].join('\n');
}
