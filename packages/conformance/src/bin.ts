#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { mergeReports } from './report/merge.js';
import { toMarkdown } from './report/markdown.js';
import { readReports } from './report/report-file.js';

const usage = `usage:
  headgate-conformance report <file or folder>...           prints JSON reports as Markdown, with seeds and times
  headgate-conformance report --stable <file or folder>...  prints them as a document to commit, without what each run changes
  headgate-conformance check <Markdown file>...             fails when a document names other properties than this suite`;

const [command, ...args] = process.argv.slice(2);
const stable = command === 'report' && args[0] === '--stable';
const paths = stable ? args.slice(1) : args;
if (command === 'report' && paths.length > 0) {
  const reports = mergeReports(readReports(paths));
  // The suites, which know the order of properties, take longer to load than all the rest.
  const toStable = async () => (await import('./report/document.js')).toDocument(reports);
  process.stdout.write(stable ? await toStable() : reports.map(toMarkdown).join('\n'));
} else if (command === 'check' && paths.length > 0) {
  const { checkDocument } = await import('./report/check-document.js');
  for (const path of paths) {
    for (const problem of checkDocument(readFileSync(path, 'utf8'))) {
      process.stderr.write(`${path} ${problem}\n`);
      process.exitCode = 1;
    }
  }
} else {
  process.stderr.write(`${usage}\n`);
  process.exitCode = 2;
}
