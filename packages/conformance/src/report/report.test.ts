import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkDocument } from './check-document.js';
import { toDocument } from './document.js';
import { toMarkdown } from './markdown.js';
import { mergeReports } from './merge.js';
import { readReports, writeReport } from './report-file.js';
import { propertyNames } from './property-names.js';
import { jsonSafe } from './report.js';
import { summarize } from './summary.js';
import type { ConformanceReport, PropertyResult } from './report.js';

const run = promisify(execFile);
const bin = fileURLToPath(new URL('../../dist/bin.js', import.meta.url));

const results: readonly PropertyResult[] = [
  { id: 'a/one', title: 'one holds', verdict: 'pass', timeMs: 12.3 },
  { id: 'a/two', title: 'two | holds', verdict: 'fail', reason: 'got 1, expected 2\nat line 3', timeMs: 4 },
  { id: 'b/three', title: 'three holds', verdict: 'skip', reason: "needs the fault hook 'kill'", timeMs: 0 },
];

const report: ConformanceReport = {
  format: 1,
  suite: 'limiter',
  store: 'mine',
  version: '@me/mine 1.2.3',
  clock: 'store',
  capabilities: jsonSafe({ removalLagMs: Infinity, maxBatchSteps: 10 }),
  conformance: '0.0.0',
  node: 'v20.20.0',
  startedAt: '2026-01-02T03:04:05.000Z',
  seed: 7,
  results,
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-report-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a report', () => {
  it('is summarized as totals, failures with their first line, and skips with their reason', () => {
    expect(summarize(report)).toBe(
      [
        "limiter conformance of 'mine' (@me/mine 1.2.3): 2 ran, 1 passed, 1 failed, 1 skipped; seed 7",
        '  fail  a/two    got 1, expected 2',
        '                 claim: two | holds',
        "  skip  b/three  needs the fault hook 'kill'",
      ].join('\n'),
    );
  });

  it('counts failures beyond three of the same reason', () => {
    const failures = ['a', 'b', 'c', 'd', 'e'].map(
      (name): PropertyResult => ({ id: `x/${name}`, title: name, verdict: 'fail', reason: 'cannot open', timeMs: 0 }),
    );
    const text = summarize({ ...report, results: failures });
    expect(text).toContain('  fail  x/c  cannot open');
    expect(text).not.toContain('x/d');
    expect(text).toContain('  fail  and 2 more for the same reason');
  });

  it('is written as JSON that reads back the same, Infinity as a word', () => {
    const file = writeReport(report, join(folder, 'deep', 'report.json'));
    expect(readReports([file as string])).toEqual([report]);
    expect(readFileSync(file as string, 'utf8')).toContain('"removalLagMs": "Infinity"');
  });

  it('of a second run of the same suite in one process stands beside the first', () => {
    vi.stubEnv('HEADGATE_CONFORMANCE_REPORT', folder);
    writeReport(report, undefined);
    writeReport({ ...report, seed: 8 }, undefined);
    vi.unstubAllEnvs();
    expect(readReports([folder]).map(({ seed }) => seed)).toEqual([7, 8]);
  });

  it('is not written when nobody asked', () => {
    expect(writeReport(report, undefined)).toBe(undefined);
  });

  it('becomes a Markdown table in which no cell breaks a row', () => {
    const rows = toMarkdown(report)
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows).toEqual([
      '| `a/one` | one holds | yes | 12 ms |',
      String.raw`| ${'`a/two`'} | two \| holds | **no**: got 1, expected 2 | 4 ms |`,
      "| `b/three` | three holds | skipped: needs the fault hook 'kill' |  |",
    ]);
  });

  it('is joined with that of another run of the same store: what ran counts, and a failure counts most', () => {
    const [one, two, three] = results as [PropertyResult, PropertyResult, PropertyResult];
    const second = [
      { ...one, verdict: 'fail' as const, reason: 'broke' },
      { ...two, verdict: 'pass' as const },
      { ...three, verdict: 'pass' as const },
    ];
    const [merged, ...more] = mergeReports([report, { ...report, results: second }]);
    expect(more).toEqual([]);
    expect(merged?.results.map(({ verdict }) => verdict)).toEqual(['fail', 'fail', 'pass']);
    expect(mergeReports([report, { ...report, store: 'other' }])).toHaveLength(2);
  });
});

describe('a document to commit', () => {
  const runOf = (version: string, reason: string): ConformanceReport => ({
    ...report,
    version,
    results: [
      { id: 'cost/burst', title: 'a fresh key admits exactly its limit at once', verdict: 'pass', timeMs: 7 },
      { id: 'cost/denial-charges-nothing', title: 'costs | nothing', verdict: 'skip', reason, timeMs: 0 },
    ],
  });
  const [first, second] = [runOf('mine on a', 'the same'), runOf('mine on b', 'the same')];

  it('shows runs beside each other, with counts and reasons', () => {
    const lines = toDocument([second, first]).split('\n');
    expect(lines).toContain('| 1 | mine on a | store | 1 | 0 | 1 |');
    expect(lines).toContain('| the same | `cost/denial-charges-nothing` |');
    expect(lines).toContain('| `cost/burst` | a fresh key admits exactly its limit at once | yes | yes |');
    expect(lines).toContain(String.raw`| ${'`cost/denial-charges-nothing`'} | costs \| nothing | - | - |`);
  });

  it('says which run a reason belongs to when it is not that of all', () => {
    expect(toDocument([first, runOf('mine on b', 'another')])).toContain(
      '| another | `cost/denial-charges-nothing` (2) |',
    );
  });

  it('is the same whatever the order, date, seed, times and Node version of the runs', () => {
    const later = { ...first, startedAt: '2027-01-01T00:00:00.000Z', seed: 9, node: 'v24.0.0' };
    const slower = { ...later, results: later.results.map((result) => ({ ...result, timeMs: 99 })) };
    expect(toDocument([slower, second])).toBe(toDocument([second, first]));
  });

  it('is out of date when it lacks a property, words a claim otherwise or names what is no more', () => {
    const whole = {
      ...report,
      results: propertyNames
        .filter(({ suite }) => suite === 'limiter')
        .map(({ id, title }) => ({ id, title, verdict: 'pass' as const, timeMs: 1 })),
    };
    const document = toDocument([whole]);
    expect(checkDocument(document)).toEqual([]);
    expect(checkDocument(toMarkdown(whole))).toEqual([]);
    expect(checkDocument(document.replace(/^\| `cost\/burst`.*\n/m, ''))).toEqual([
      'lacks: | `cost/burst` | a fresh key admits exactly its limit at once |',
    ]);
    expect(checkDocument(document.replace('a fresh key admits', 'a key admits'))).toHaveLength(2);
    expect(checkDocument(document.replaceAll('`cost/burst`', '`cost/bursts`'))).toHaveLength(2);
    expect(checkDocument('# Nothing')).toEqual(['reports on no suite']);
  });
});

// Each starts a process of its own.
describe('headgate-conformance', { timeout: 30_000 }, () => {
  it('prints reports of files and folders as Markdown', async () => {
    writeReport(report, join(folder, 'report.json'));
    const { stdout } = await run(process.execPath, [bin, 'report', folder]);
    expect(stdout).toBe(toMarkdown(report));
  });

  it('says how it is used when asked for anything else', async () => {
    await expect(run(process.execPath, [bin, 'publish'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^usage:\n +headgate-conformance report/),
    });
  });

  it('prints a document to commit, and fails for one that does not name the properties of the suite', async () => {
    writeReport(report, join(folder, 'report.json'));
    const { stdout } = await run(process.execPath, [bin, 'report', '--stable', folder]);
    expect(stdout).toBe(toDocument([report]));
    const file = join(folder, 'report.md');
    writeFileSync(file, stdout);
    await expect(run(process.execPath, [bin, 'check', file])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('report.md lacks: | `cost/burst` |'),
    });
  });

  it('refuses a file that is no report', async () => {
    await expect(
      run(process.execPath, [bin, 'report', fileURLToPath(new URL('../../package.json', import.meta.url))]),
    ).rejects.toMatchObject({
      stderr: expect.stringContaining('is not a conformance report'),
    });
  });
});
