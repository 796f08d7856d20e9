import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { skipReason, startRedis, startRedisCluster } from '@headgate/test-servers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { ask, isStoreError } from './asking.js';
import { careful, drivers, everything, quiet, type AnyClient } from './client-kinds.js';
import { nodesOf } from './fixtures.js';

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // Node makes no certificates itself.
  }
}

const noTls = skipReason('redis') ?? (hasOpenssl() ? undefined : 'there is no openssl to make a certificate with');

describe.skipIf(noTls !== undefined)(`over TLS${noTls ? ` (skipped: ${noTls})` : ''}`, () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'headgate-tls-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  const tls = { keyFile: path.join(directory, 'key.pem'), certFile: path.join(directory, 'cert.pem') };
  beforeAll(() => {
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
    const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', tls.keyFile, '-out', tls.certFile];
    execFileSync('openssl', [...make, ...subject], { stdio: 'ignore' });
  });
  const trust = () => ({ ca: readFileSync(tls.certFile) });

  /** Asks for one decision through a client that is then ended. */
  async function askThrough(client: AnyClient): Promise<void> {
    const store = redisLimiterStore({ client: quiet(client) });
    try {
      await ask(store, 'k');
    } finally {
      await store.close();
      client.disconnect();
    }
  }

  it.each(['ioredis 6', 'ioredis 5'] as const)(
    'everything works, for a duplicate and for the client itself (%s)',
    async (driver) => {
      const { Redis } = drivers[driver];
      await using server = await startRedis({ tls });
      const address = { host: server.host, port: server.port };
      const client = quiet(new Redis({ ...address, tls: trust(), ...careful }));
      await everything(client, false);
      await everything(client, true);
      // Whoever does not know the certificate is told so by an error of the connection.
      await assert.rejects(
        askThrough(new Redis({ ...address, tls: {}, lazyConnect: true })),
        isStoreError('connection'),
      );
      client.disconnect();
    },
  );

  it('everything works in a Cluster, for a duplicate and for the client itself', async () => {
    await using cluster = await startRedisCluster({ tls });
    for (const { Cluster } of Object.values(drivers)) {
      const nodes = nodesOf(cluster.url);
      const client = quiet(new Cluster(nodes, { redisOptions: { tls: trust() }, retryDelayOnFailover: 0 }));
      await everything(client, false);
      await everything(client, true);
      const stranger = new Cluster(nodes, { redisOptions: { tls: {} }, lazyConnect: true });
      await assert.rejects(askThrough(stranger), isStoreError('connection'));
      client.disconnect();
    }
  });
});
