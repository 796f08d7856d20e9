// Reads the JSON that vitest leaves in a workspace's `.cache/vitest.json`.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {object} Tally
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} failures One line each.
 */

/** @param {string} folder */
const reportFile = (folder) => join(folder, '.cache/vitest.json');

/**
 * Forgets the last run, so that a run that dies early is not mistaken for it.
 * @param {string} folder
 */
export function forgetReport(folder) {
  rmSync(reportFile(folder), { force: true });
}

/**
 * Counts the tests of one workspace. A missing report, and a run that vitest calls a failure although no test
 * failed (a file that does not load, an unhandled rejection), count as one failure.
 * @param {string} folder
 * @param {string} label
 * @returns {Tally}
 */
export function readReport(folder, label) {
  if (!existsSync(reportFile(folder))) {
    return { passed: 0, failed: 1, skipped: 0, failures: [`${label}: vitest left no report`] };
  }
  const report = JSON.parse(readFileSync(reportFile(folder), 'utf8'));
  /** @type {string[]} */
  const failures = [];
  for (const file of report.testResults) {
    const failed = file.assertionResults.filter((/** @type {any} */ test) => test.status === 'failed');
    for (const test of failed) failures.push(`${label}: ${test.fullName}`);
    if (file.status === 'failed' && failed.length === 0) failures.push(`${label}: ${file.name} did not run`);
  }
  if (report.testResults.length === 0) failures.push(`${label}: has no tests`);
  if (!report.success && failures.length === 0) failures.push(`${label}: vitest reports an error outside of the tests`);
  const skipped = report.numPendingTests + report.numTodoTests;
  return { passed: report.numPassedTests, failed: failures.length, skipped, failures };
}
