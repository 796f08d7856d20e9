// `npm run bench -- <table>… [--quick] [--minutes <n>] [--json]`
import { parseArgs } from 'node:util';
import { writeDocument } from './document.js';
import { reportOf, reportTables } from './report.js';
import { runTable } from './run-table.js';
import { writeScaling } from './scaling.js';
import { tables } from './tables/index.js';
import type { TableReport } from './report.js';

const usage = `npm run bench -- [${[...Object.keys(tables), 'all'].join('|')}]… [--quick] [--minutes <n>] [--json]

--quick    fewer and shorter rounds; docs/benchmarks.md and docs/scaling.md are left alone
--minutes  how long the soak lasts; 5 by default, half a one within \`all\`
--json     print the report as JSON instead of tables

Ends with 1 when a must was missed. With all: about 13 minutes.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const all = positionals.includes('all');
  const names = all ? Object.keys(tables) : positionals;
  const minutes = values.minutes === undefined ? (all ? 0.5 : undefined) : Number(values.minutes);
  if (names.length === 0 || names.some((name) => !tables[name]) || (minutes !== undefined && !(minutes > 0))) {
    console.error(usage);
    return 2;
  }
  const reports: TableReport[] = [];
  const began = performance.now();
  for (const [index, name] of names.entries()) {
    const table = tables[name] as (typeof tables)[string];
    const beganTable = performance.now();
    const minutesSince = (at: number): string => `${((performance.now() - at) / 60_000).toFixed(1)} min`;
    const showProgress = (line: string): void =>
      progress(`${minutesSince(began)}  table ${index + 1} of ${names.length}  ${line}`);
    const report = reportOf(table, await runTable(table, { quick: values.quick, minutes, progress: showProgress }));
    reports.push(report);
    progress('');
    if (!values.json) console.log(`\n${table.title}\n\n${reportTables(report)}\n`);
    console.error(`${name}: ${minutesSince(beganTable)}, ${minutesSince(began)} since the start`);
    const command = `npm run bench -- ${all ? 'all' : name}${values.minutes === undefined ? '' : ` --minutes ${minutes}`}`;
    if (!values.quick) console.error(`Wrote ${await writeDocument(table, report, command)}`);
  }
  if (!values.quick) console.error(`Wrote ${await writeScaling()}`);
  if (values.json) console.log(JSON.stringify(reports, undefined, 2));
  return reports.some(({ rows }) => rows.some(({ verdict }) => verdict === 'MISSED')) ? 1 : 0;
}

/** One line that is written over on a terminal, and nothing elsewhere. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${line}`);
}

process.exitCode = await main();
