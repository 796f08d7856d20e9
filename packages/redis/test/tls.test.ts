import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, skipReason, startRedis } from '@headgate/test-servers';
import { afterAll, describe, it } from 'vitest';
import { redisLimiterStore } from '../src/limiter-store.js';
import { ask, isStoreError } from './asking.js';
import { careful, drivers, everything, quiet } from './client-kinds.js';

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

  it.each(['ioredis 6', 'ioredis 5'] as const)(
    'everything works, for a duplicate and for the client itself (%s)',
    async (driver) => {
      const [key, cert] = [path.join(directory, 'key.pem'), path.join(directory, 'cert.pem')];
      const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
      const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject];
      execFileSync('openssl', make, { stdio: 'ignore' });
      const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
      const port = await freePort();
      await using server = await startRedis({
        args: ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files],
      });
      const client = quiet(
        new drivers[driver].Redis({ host: server.host, port, tls: { ca: readFileSync(cert) }, ...careful }),
      );
      await everything(client, false);
      await everything(client, true);
      const strangers = quiet(new drivers[driver].Redis({ host: server.host, port, tls: {}, lazyConnect: true }));
      const store = redisLimiterStore({ client: strangers });
      await assert.rejects(ask(store, 'k'), isStoreError('connection'));
      await store.close();
      strangers.disconnect();
      client.disconnect();
    },
  );
});
