import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ConformanceReport } from './report.js';

/**
 * Writes a report as JSON and returns the path, or `undefined` when nobody asked: to `path`, else into the folder that
 * HEADGATE_CONFORMANCE_REPORT names, as `<store>-<suite>-<pid>-<number>.json` (several files of tests may run at once, and a
 * suite several times in each).
 */
export function writeReport(report: ConformanceReport, path: string | undefined): string | undefined {
  const folder = process.env['HEADGATE_CONFORMANCE_REPORT'];
  const file = path ?? (folder ? freeName(folder, report) : undefined);
  if (file === undefined) return undefined;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}

function freeName(folder: string, { store, suite }: ConformanceReport): string {
  for (let number = 1; ; number++) {
    const file = join(folder, `${fileSafe(store)}-${suite}-${process.pid}-${number}.json`);
    if (!existsSync(file)) return file;
  }
}

/** Reads reports from files, and from every `.json` file of folders, in order. Throws for what is not a report. */
export function readReports(paths: readonly string[]): readonly ConformanceReport[] {
  return paths.flatMap(filesOf).map((file) => {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!isReport(parsed)) throw new Error(`${file} is not a conformance report of format 1`);
    return parsed;
  });
}

function filesOf(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(path, name));
}

function isReport(value: unknown): value is ConformanceReport {
  return typeof value === 'object' && value !== null && 'results' in value && 'format' in value && value.format === 1;
}

function fileSafe(name: string): string {
  return name.replaceAll(/[^\w.-]/g, '_');
}
