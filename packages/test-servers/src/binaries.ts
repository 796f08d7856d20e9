import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ServerUnavailableError } from './errors.js';

/** Programs that the tests start. */
export type BinaryName =
  | 'redis-server'
  | 'redis-cli'
  | 'valkey-server'
  | 'postgres'
  | 'pgbouncer'
  | 'java'
  | 'prometheus'
  | 'promtool'
  | 'chromium';

interface Binary {
  /** Names the program may have. */
  readonly names: readonly string[];
  /** The variable that overrides the search with a path. */
  readonly variable: string;
  /** The Debian package that has it. */
  readonly package: string;
}

const binaries: Readonly<Record<BinaryName, Binary>> = {
  'redis-server': {
    names: ['redis-server', 'valkey-server'],
    variable: 'HEADGATE_TEST_REDIS_BIN',
    package: 'redis-server',
  },
  'redis-cli': { names: ['redis-cli', 'valkey-cli'], variable: 'HEADGATE_TEST_REDIS_CLI_BIN', package: 'redis-tools' },
  'valkey-server': { names: ['valkey-server'], variable: 'HEADGATE_TEST_VALKEY_BIN', package: 'valkey-server' },
  postgres: { names: ['postgres'], variable: 'HEADGATE_TEST_POSTGRES_BIN', package: 'postgresql' },
  pgbouncer: { names: ['pgbouncer'], variable: 'HEADGATE_TEST_PGBOUNCER_BIN', package: 'pgbouncer' },
  java: { names: ['java'], variable: 'HEADGATE_TEST_JAVA_BIN', package: 'default-jre-headless' },
  prometheus: { names: ['prometheus'], variable: 'HEADGATE_TEST_PROMETHEUS_BIN', package: 'prometheus' },
  promtool: { names: ['promtool'], variable: 'HEADGATE_TEST_PROMTOOL_BIN', package: 'prometheus' },
  chromium: {
    names: ['chromium', 'chromium-browser', 'google-chrome'],
    variable: 'HEADGATE_TEST_CHROMIUM_BIN',
    package: 'chromium',
  },
};

/**
 * The path of a program: from its `HEADGATE_TEST_…_BIN` variable, from PATH (and the `sbin` folders that a user's PATH
 * often lacks), or from `/usr/lib/postgresql/<newest>/bin`. `undefined` when it is nowhere; a variable that names no
 * executable is an error, since somebody meant it.
 */
export function findBinary(name: BinaryName): string | undefined {
  const binary = binaries[name];
  const explicit = process.env[binary.variable];
  if (explicit !== undefined && explicit !== '') {
    if (isExecutable(explicit)) return explicit;
    throw new ServerUnavailableError(`${binary.variable} names ${explicit}, which is not an executable file.`);
  }
  for (const directory of searchPath()) {
    for (const candidate of binary.names) {
      const file = path.join(directory, candidate);
      if (isExecutable(file)) return file;
    }
  }
  return undefined;
}

/** Like {@link findBinary}, but what is missing is an error that says how to get it. */
export function requireBinary(name: BinaryName): string {
  const file = findBinary(name);
  if (file !== undefined) return file;
  const { variable, package: debianPackage } = binaries[name];
  throw new ServerUnavailableError(
    `${name} is not on this machine. Run \`npm run servers:install\` (it installs the package ${debianPackage}), or set ${variable} to its path.`,
  );
}

function searchPath(): readonly string[] {
  const debianPostgres = '/usr/lib/postgresql';
  const versions = existsSync(debianPostgres) ? readdirSync(debianPostgres).sort((a, b) => Number(b) - Number(a)) : [];
  return [
    ...(process.env['PATH'] ?? '').split(path.delimiter).filter((directory) => directory !== ''),
    '/usr/local/sbin',
    '/usr/sbin',
    ...versions.map((version) => path.join(debianPostgres, version, 'bin')),
  ];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // absent or not ours to run: either way it is no candidate
  }
}
