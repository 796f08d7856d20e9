#!/usr/bin/env node
import { mergeReports } from './report/merge.js';
import { toMarkdown } from './report/markdown.js';
import { readReports } from './report/report-file.js';

const usage = 'usage: headgate-conformance report <file or folder>...   prints JSON reports as Markdown';

const [command, ...paths] = process.argv.slice(2);
if (command === 'report' && paths.length > 0) {
  process.stdout.write(mergeReports(readReports(paths)).map(toMarkdown).join('\n'));
} else {
  process.stderr.write(`${usage}\n`);
  process.exitCode = 2;
}
