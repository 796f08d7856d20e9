import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, release, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawGrowth } from './plots/growth-plot.js';
import { reportTables } from './report.js';
import type { TableReport } from './report.js';
import type { Table } from './table.js';

const documentPath: string = fileURLToPath(new URL('../../../docs/benchmarks.md', import.meta.url));

const preface = `# Benchmarks

Written by \`npm run bench\`, one section per table; nothing here is typed by hand. Each contestant runs in a process of its own, the
contestants take turns round by round, and a ratio is the median of the ratios of the rounds, so that a machine that drifts hurts all
alike. Absolute numbers say something about the machine as well; compare within a table only.
`;

/** Puts a table's section into `docs/benchmarks.md` and leaves the other sections as they are; returns the file's path. */
export async function writeDocument(table: Table, report: TableReport, command: string): Promise<string> {
  const begin = `<!-- bench:${table.name} -->`;
  const end = `<!-- /bench:${table.name} -->`;
  const section = `${begin}\n\n${sectionText(table, report, command)}\n\n${end}\n`;
  const text = await readFile(documentPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return preface;
    throw error;
  });
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  const written =
    from >= 0 && to > from
      ? text.slice(0, from) + section + text.slice(to + end.length + 1)
      : `${text.trimEnd()}\n\n${section}`;
  await writeFile(documentPath, written);
  await writePlots(table, report);
  return documentPath;
}

async function writePlots(table: Table, report: TableReport): Promise<void> {
  for (const { workload, title, x, y } of table.plots ?? []) {
    const measured = table.workloads.find(({ id }) => id === workload)?.title;
    const medians = report.medians.filter((median) => median.workload === measured);
    const points = medians.map(({ contestant, value }) => [Number(contestant), value] as const);
    const path = join(dirname(documentPath), plotPath(table, workload));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, drawGrowth({ title, x, y, points }));
  }
}

/** Where a plot is, seen from the document. */
function plotPath(table: Table, workload: string): string {
  return `plots/${table.name}-${workload}.svg`;
}

function sectionText(table: Table, report: TableReport, command: string): string {
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GB, ${type()} ${release()}`;
  const versions = table.packages.map((name) => `${name} ${versionOf(name)}`);
  return [
    `## ${table.title}`,
    '',
    table.about,
    '',
    `\`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${machine}; Node.js ${process.version}; ${versions.join(', ')}.`,
    '',
    reportTables(report),
    ...(table.plots ?? []).flatMap(({ workload, title, x, y }) => [
      '',
      `![${title}: ${y} over ${x}](${plotPath(table, workload)})`,
    ]),
  ].join('\n');
}

/** A package's installed version, whatever its `exports` let one import. */
function versionOf(name: string): string {
  const searched = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const folder of searched) {
    const manifest = readManifest(join(folder, name, 'package.json'));
    if (manifest !== undefined) return manifest.version;
  }
  throw new Error(`${name} is not installed (looked up from ${dirname(fileURLToPath(import.meta.url))})`);
}

function readManifest(path: string): { readonly version: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
