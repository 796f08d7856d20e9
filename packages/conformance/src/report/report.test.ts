import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toMarkdown } from './markdown.js';
import { mergeReports } from './merge.js';
import { readReports, writeReport } from './report-file.js';
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
        "  skip  b/three  needs the fault hook 'kill'",
      ].join('\n'),
    );
  });

  it('is written as JSON that reads back the same, Infinity as a word', () => {
    const file = writeReport(report, join(folder, 'deep', 'report.json'));
    expect(readReports([file as string])).toEqual([report]);
    expect(readFileSync(file as string, 'utf8')).toContain('"removalLagMs": "Infinity"');
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

describe('headgate-conformance', () => {
  it('prints reports of files and folders as Markdown', async () => {
    writeReport(report, join(folder, 'report.json'));
    const { stdout } = await run(process.execPath, [bin, 'report', folder]);
    expect(stdout).toBe(toMarkdown(report));
  });

  it('says how it is used when asked for anything else', async () => {
    await expect(run(process.execPath, [bin, 'publish'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('usage: headgate-conformance report'),
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
