// Reads the JSON that vitest leaves in a workspace's `.cache/vitest.json`.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {object} Failure
 * @property {string} what One line.
 * @property {string} why What the test said, shortened to its first lines; empty when nothing is known.
 */

/**
 * @typedef {object} Tally
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {Failure[]} failures
 */

/** @param {string} folder */
const outsideFile = (folder) => join(folder, '.cache/outside-of-tests.txt'); // see vitest.shared.ts

/** @param {string} folder */
const reportFile = (folder) => join(folder, '.cache/vitest.json');

/**
 * Forgets the last run, so that a run that dies early is not mistaken for it.
 * @param {string} folder
 */
export function forgetReport(folder) {
  rmSync(reportFile(folder), { force: true });
  rmSync(outsideFile(folder), { force: true });
}

/**
 * Counts the tests of one workspace. A missing report, a file that does not load and errors outside of the tests (an
 * unhandled rejection, of which vitest's report says nothing) count as one failure each.
 * @param {string} folder
 * @param {string} label
 * @returns {Tally}
 */
export function readReport(folder, label) {
  if (!existsSync(reportFile(folder))) {
    return { passed: 0, failed: 1, skipped: 0, failures: [{ what: `${label}: vitest left no report`, why: '' }] };
  }
  const report = JSON.parse(readFileSync(reportFile(folder), 'utf8'));
  /** @type {Failure[]} */
  const failures = [];
  const fail = (/** @type {string} */ what, why = '') => failures.push({ what: `${label}: ${what}`, why: head(why) });
  for (const file of report.testResults) {
    const failed = file.assertionResults.filter((/** @type {any} */ test) => test.status === 'failed');
    for (const test of failed) fail(test.fullName, test.failureMessages.join('\n'));
    if (file.status === 'failed' && failed.length === 0) fail(`${file.name} did not run`, file.message);
  }
  if (report.testResults.length === 0) fail('has no tests');
  const outside = outsideOfTests(folder);
  if (outside) fail('an error outside of the tests', outside);
  if (!report.success && failures.length === 0) fail('vitest says it failed');
  const skipped = report.numPendingTests + report.numTodoTests;
  return { passed: report.numPassedTests, failed: failures.length, skipped, failures };
}

/** @param {string} folder */
function outsideOfTests(folder) {
  return existsSync(outsideFile(folder)) ? readFileSync(outsideFile(folder), 'utf8') : '';
}

/** @param {string} [message] */
function head(message = '') {
  return message.split('\n').slice(0, 12).join('\n').slice(0, 1_500);
}
