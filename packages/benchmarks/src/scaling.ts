import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { markdownTable, number } from './report.js';

const docs = new URL('../../../docs/', import.meta.url);
const begin = '<!-- figures -->';
const end = '<!-- /figures -->';

/** How busy a store may be on an ordinary day. */
const usage = 0.5;
const needed = 1_000_000;
/** What the guard in `npm test` allows a decision over Redis at 256 callers, both directions together. */
const wireBytes = 60;

/** Works the figures of `docs/scaling.md` out from those in `docs/benchmarks.md`; returns the file's path. */
export async function writeScaling(): Promise<string> {
  const path = fileURLToPath(new URL('scaling.md', docs));
  const [scaling, benchmarks] = await Promise.all([
    readFile(path, 'utf8'),
    readFile(new URL('benchmarks.md', docs), 'utf8'),
  ]);
  const from = scaling.indexOf(begin);
  const to = scaling.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${path} has no place between ${begin} and ${end}`);
  await writeFile(path, `${scaling.slice(0, from)}${begin}\n\n${scalingFigures(benchmarks)}\n\n${scaling.slice(to)}`);
  return path;
}

/** The tables of figures, each with the row of `benchmarks` that it is from and the arithmetic done. Throws when a row is not there. */
export function scalingFigures(benchmarks: string): string {
  const figure = (table: string, ...row: string[]): Figure => figureOf(benchmarks, table, row);
  const memory = figure('Limits in memory', '10,000 keys', 'headgate consume');
  const redis = figure('Redis', '10,000 keys, 2,048 callers', 'headgate');
  const busy = figure('Redis', '10,000 keys, 256 callers', 'headgate');
  const cluster = figure('Redis Cluster', '10,000 keys, 2,048 callers', 'headgate');
  const postgres = figure('PostgreSQL', '10,000 keys, 256 callers', 'headgate');
  const asking = figure('How cost grows', 'Processes of 64 callers, Redis', '1');
  const master = { ...cluster, value: cluster.value / masters };
  const carried = [
    carries('memory, one core', memory),
    carries('one Redis', redis),
    carries(
      `a Redis Cluster, one of ${masters} masters on one machine`,
      master,
      `${number(cluster.value)} / ${masters} = `,
    ),
    carries('one PostgreSQL', postgres),
  ];
  const hot = [
    ['Redis', figure('Redis', 'one hot key, 256 callers', 'headgate')],
    ['Redis Cluster', figure('Redis Cluster', 'one hot key, 256 callers', 'headgate')],
    ['PostgreSQL', figure('PostgreSQL', 'one hot key, 256 callers', 'headgate')],
  ] as const;
  const shared = [
    ['Redis', busy.from, 1 / busy.detail('requests')],
    ...['10,000 keys, 64 callers, warm', 'one hot key, 256 callers', 'one hot key, 4 processes of 256 callers'].map(
      (row) => {
        const { from, detail } = figure('DynamoDB', row, 'headgate');
        return ['DynamoDB', from, detail('decisions per request')] as const;
      },
    ),
  ] as const;
  const weights = ['memory', 'redis server'].map(
    (where) => [where, figure('Memory over time', 'a limiter key', where)] as const,
  );
  const perSecond = 1e6 / asking.value;
  return [
    markdownTable(
      ['store', '`C`, decisions a second', 'from', `\`C × ${usage}\``, `stores for ${number(needed)} a second`],
      carried,
    ),
    markdownTable(
      ['one hot key', 'decisions a second', 'from'],
      hot.map(([store, { value, from }]) => [store, number(value), from]),
    ),
    markdownTable(
      [
        'decisions that share a request',
        '`g`',
        'from',
        `requests for ${number(needed)} decisions, \`${number(needed)} / g\``,
      ],
      shared.map(([store, from, g]) => [store, number(g), from, number(Math.ceil(needed / g))]),
    ),
    markdownTable(
      ['a key with a record', '`b`, bytes', 'from', '1,000,000 keys, `K × b`'],
      weights.map(([where, { value, from }]) => [where, number(value), from, `${number(value)} MB`]),
    ),
    `A process that asks makes 1,000,000 / ${number(asking.value)} = ${number(perSecond)} decisions a second (${asking.from}, µs per decision), so ${number(needed)} a second are the work of ceil(${number(needed)} / ${number(perSecond)}) = ${Math.ceil(needed / perSecond)} such processes, a core each at most; at ${wireBytes} bytes a decision they are ${(needed * wireBytes) / 1e6} MB/s on the wire.`,
  ].join('\n\n');
}

/** Masters of the cluster that is measured. */
const masters = 3;

interface Figure {
  readonly value: number;
  /** A detail that the row has beside its value. */
  detail(name: string): number;
  /** Where it stands, in words. */
  readonly from: string;
}

function figureOf(benchmarks: string, table: string, row: readonly string[]): Figure {
  const after = benchmarks.split(`\n## ${table}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = after.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const found = rows.find((cells) => row.every((cell, i) => cells[i + 1] === cell));
  if (!found) throw new Error(`docs/benchmarks.md has no ${row.join(', ')} in ${table}`);
  return {
    value: parse(found[row.length + 1]),
    detail: (name) =>
      parse(
        found[row.length + 2]
          ?.split(', ')
          .find((detail) => detail.startsWith(`${name} `))
          ?.slice(name.length),
      ),
    from: `"${table}": ${row.join(', ')}`,
  };
}

function parse(cell = ''): number {
  const value = Number.parseFloat(cell.trim().replaceAll(/(?<=\d),(?=\d{3})/g, ''));
  if (Number.isNaN(value)) throw new Error(`Expected a number, got '${cell}'`);
  return value;
}

function carries(store: string, { value, from }: Figure, how = ''): string[] {
  const each = value * usage;
  return [
    store,
    how + number(value),
    from,
    number(each),
    `ceil(${number(needed)} / ${number(each)}) = ${Math.ceil(needed / each)}`,
  ];
}
