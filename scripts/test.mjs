// `npm test`: the static checks, every workspace's tests, and the tests of what would be published.
// `--static` (`npm run check`) stops after the first part. A failing step does not keep the others from running.
// Each check counts as one test; the last line is `N passed, N failed`, with `, N skipped` where some were.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forgetReport, readReport } from './reports.mjs';
import { published, root, workspaces } from './workspaces.mjs';

// In CI the conformance suites' random traces repeat one seed, so that a red run is a change's doing; everywhere else each run explores.
if (process.env.CI) process.env.HEADGATE_CONFORMANCE_SEED ??= '20261122';

const staticOnly = process.argv.includes('--static');

/** @type {ReadonlyArray<readonly [name: string, ...command: string[]]>} */
const checks = [
  ['build', 'tsc', '-b'],
  ['typecheck', 'tsc', '-p', 'tsconfig.check.json'],
  ['lint', 'oxlint', '--deny-warnings'],
  ['format', 'biome', 'format'],
  ['knip', 'knip'],
  ['size of core', 'node', 'scripts/core-size.mjs'],
  ...published.flatMap(({ path }) => [
    /** @type {const} */ ([`publint ${path}`, 'publint', 'run', path, '--strict']),
    /** @type {const} */ ([`attw ${path}`, 'attw', '--pack', path, '--profile', 'esm-only', '--quiet']),
  ]),
];

const total = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const failures = [];
/** @type {string[]} */
const table = [];

for (const [name, ...command] of checks) {
  if (run(name, command)) total.passed += 1;
  else fail(`check: ${name}`);
}

if (!staticOnly) {
  for (const { folder } of [...workspaces, { folder: root }]) forgetReport(folder);
  // Two workspaces at a time: the long suites wait for real time to pass more than they work.
  const turbo = ['turbo', 'run', 'test', '--continue=always', '--concurrency=2', '--ui=stream', '--log-order=grouped'];
  const workspacesRan = run('tests of the workspaces', turbo);
  summarize(workspaces, workspacesRan);
  const repositoryRan = run('tests of the packages and the docs', [
    'vitest',
    'run',
    '--config',
    'test/vitest.config.ts',
    '--update=none',
  ]);
  summarize([{ path: 'test', folder: root }], repositoryRan);

  console.log('\npassed failed skipped');
  for (const line of table) console.log(line);
}

if (failures.length > 0) console.log(`\nFailed:\n${failures.map((failure) => `  ${failure}`).join('\n')}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
const summary = `${total.passed} passed, ${total.failed} failed${skipped}`;
mkdirSync(join(root, '.cache'), { recursive: true });
writeFileSync(join(root, '.cache/summary.txt'), `${summary}\n`);
console.log(`\n${summary}`);
process.exitCode = total.failed > 0 ? 1 : 0;

/**
 * Adds the tests of these workspaces to the total. A run that failed must have a failure to show for it.
 * @param {ReadonlyArray<{ path: string, folder: string }>} tested
 * @param {boolean} ran
 */
function summarize(tested, ran) {
  const failedBefore = total.failed;
  for (const { folder, path } of tested) {
    const tally = readReport(folder, path);
    total.passed += tally.passed;
    total.skipped += tally.skipped;
    for (const { what, why } of tally.failures) fail(what, why);
    const columns = [tally.passed, tally.failed, tally.skipped].map((count, i) =>
      String(count).padStart(i < 2 ? 6 : 7),
    );
    table.push(`${columns.join(' ')}  ${path}`);
  }
  if (!ran && total.failed === failedBefore) fail(`${tested.map(({ path }) => path).join(', ')}: the runner failed`);
}

/**
 * Counts a failure and says it where it happened; the list at the end repeats its first line.
 * @param {string} what
 * @param {string} [why]
 */
function fail(what, why = '') {
  total.failed += 1;
  failures.push(what);
  console.log(`FAILED ${what}${why && `\n${why.replace(/^/gm, '    ')}`}`);
}

/**
 * Runs one step with its output shown, and says how long it took.
 * @param {string} name
 * @param {readonly string[]} command
 */
function run(name, [program = '', ...args]) {
  console.log(`\n> ${name}`);
  const startedAt = performance.now();
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
      TURBO_TELEMETRY_DISABLED: '1',
    },
  });
  if (error) console.log(String(error));
  console.log(`${status === 0 ? 'ok' : 'FAILED'} ${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
  return status === 0;
}
