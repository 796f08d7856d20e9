import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startRedis } from '@headgate/test-servers';
import { Redis } from 'ioredis';
import { documentOf } from './document.js';
import { limiterPeers, lockPeers, versionOf } from './peers.js';
import { tryLimiters, tryLocks } from './run.js';
import type { Verdicts } from './run.js';

// Holds the peers to the claims, prints every verdict and writes `docs/peers.md`. Ends with 0 whatever the verdicts: they are findings, not errors.

const page = fileURLToPath(new URL('../../../../docs/peers.md', import.meta.url));

function print({ peers, rows }: Verdicts): void {
  for (const peer of peers) {
    const count = (wanted: string): number => rows.filter(({ outcomes }) => outcomes[peer]?.verdict === wanted).length;
    console.log(
      `\n${peer}: ${count('holds')} hold, ${count('does not hold')} do not, ${count('not offered')} are not offered`,
    );
    for (const { claim, outcomes } of rows) {
      const { verdict, reason } = outcomes[peer] ?? { verdict: 'not offered' };
      console.log(`  ${verdict.padEnd(13)}  ${claim.id}${reason === undefined ? '' : `: ${reason.slice(0, 200)}`}`);
    }
  }
}

async function redisVersion(url: string): Promise<string> {
  const client = new Redis(url);
  const info = await client.info('server');
  await client.quit();
  return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
}

const startedMs = performance.now();
const server = await startRedis();
try {
  // Limits and locks one after the other: some claims are about milliseconds.
  const limiters = await tryLimiters(limiterPeers(server.url));
  const locks = await tryLocks(lockPeers(server.url));
  const packages = [
    'rate-limiter-flexible',
    '@upstash/ratelimit',
    '@verrou/core',
    'redlock',
    'redis-semaphore',
    'ioredis',
    '@headgate/conformance',
  ];
  const versions = [
    ...packages.map((name) => [name, versionOf(name)] as const),
    ['Redis', await redisVersion(server.url)] as const,
    ['Node.js', process.version] as const,
  ];
  const date = new Date().toISOString().slice(0, 10);
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, documentOf({ limiters, locks, versions, date }));
  print(limiters);
  print(locks);
  console.log(`\n${((performance.now() - startedMs) / 1000).toFixed(0)} s; written: docs/peers.md`);
} finally {
  await server.stop();
}
