#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { checkDocument } from './report/check-document.js';
import { toDocument } from './report/document.js';
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
  process.stdout.write(stable ? toDocument(reports) : reports.map(toMarkdown).join('\n'));
} else if (command === 'check' && paths.length > 0) {
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
