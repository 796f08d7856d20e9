// `npm run bench -- <table>… [--quick] [--json]`
import { parseArgs } from 'node:util';
import { writeDocument } from './document.js';
import { reportOf, reportTables } from './report.js';
import { runTable } from './run-table.js';
import { tables } from './tables/index.js';
import type { TableReport } from './report.js';

const usage = `npm run bench -- [${[...Object.keys(tables), 'all'].join('|')}]… [--quick] [--json]

--quick  fewer and shorter rounds; docs/benchmarks.md is left alone
--json   print the report as JSON instead of tables`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
  });
  const names = positionals.includes('all') ? Object.keys(tables) : positionals;
  if (names.length === 0 || names.some((name) => !tables[name])) {
    console.error(usage);
    return 2;
  }
  const reports: TableReport[] = [];
  for (const name of names) {
    const table = tables[name] as (typeof tables)[string];
    const report = reportOf(table, await runTable(table, { quick: values.quick, progress }));
    reports.push(report);
    progress('');
    if (!values.json) console.log(`\n${table.title}\n\n${reportTables(report)}\n`);
    if (!values.quick) console.error(`Wrote ${await writeDocument(table, report, `npm run bench -- ${name}`)}`);
  }
  if (values.json) console.log(JSON.stringify(reports, undefined, 2));
  return reports.some(({ rows }) => rows.some(({ verdict }) => verdict === 'MISSED')) ? 1 : 0;
}

/** One line that is written over on a terminal, and nothing elsewhere. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${line}`);
}

process.exitCode = await main();
