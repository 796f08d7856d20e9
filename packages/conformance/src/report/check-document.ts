import { cell } from './markdown.js';
import { propertyNames } from './property-names.js';

/**
 * Compares a document that `report` or `report --stable` printed with the suites it reports on, and returns what is wrong: properties that it
 * lacks, claims that it words otherwise, and properties that are no more. Whether the verdicts are still true only a run can tell.
 */
export function checkDocument(document: string): readonly string[] {
  const rows = document.split('\n').filter((line) => /^\| `[a-z-]+\/[a-z0-9-]+` \|/.test(line));
  const reported = propertyNames.filter(({ suite }) => new RegExp(`${suite} conformance`, 'i').test(document));
  if (reported.length === 0) return ['reports on no suite'];
  const expected = reported.map(({ id, title }) => `| \`${id}\` | ${cell(title)} |`);
  return [
    ...expected.filter((start) => !rows.some((row) => row.startsWith(start))).map((start) => `lacks: ${start}`),
    ...rows
      .filter((row) => !expected.some((start) => row.startsWith(start)))
      .map((row) => `has what is not in the suite: ${row}`),
  ];
}
