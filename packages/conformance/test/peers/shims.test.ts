import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fixedWindow } from '@headgate/core';
import { sharedServer, skipReason } from '@headgate/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimsOf, leftOut, neverClaimed } from '../../peers/claims.js';
import { limiterPeers, lockPeers } from '../../peers/peers.js';
import { remarks } from '../../peers/remarks.js';
import type { LimiterStep } from '@headgate/core';
import type { SharedServer } from '@headgate/test-servers';

const folder = fileURLToPath(new URL('../../peers/shims/', import.meta.url));
const skipped = skipReason('redis') !== undefined;
const names = (peers: readonly { readonly name: string }[]): readonly string[] => peers.map(({ name }) => name);

// Names are known without a server; nothing connects before `open`.
const limiterNames = names(limiterPeers(''));
const lockNames = names(lockPeers(''));

let server: SharedServer;
const named = <T extends { readonly name: string }>(peers: readonly T[], name: string): T => {
  const found = peers.find((peer) => peer.name === name);
  if (!found) throw new Error(`no peer is called ${name}`);
  return found;
};

beforeAll(async () => {
  if (!skipped) server = await sharedServer('redis');
});
afterAll(async () => {
  if (!skipped) await server.stop();
});

describe('shims', () => {
  it.each(readdirSync(folder))('%s has at most 60 lines', (file) => {
    expect(readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(60);
  });

  it.skipIf(skipped).each(limiterNames)('%s admits its limit and refuses more', async (name) => {
    const { store } = named(limiterPeers(server.url), name).open();
    const step: LimiterStep = {
      key: `shim-${crypto.randomUUID()}`,
      limits: [fixedWindow({ limit: 3, windowMs: 3_600_000 })],
      ops: [{ kind: 'consume', cost: 1 }],
    };
    const allowed: unknown[] = [];
    for (let i = 0; i < 5; i++) {
      const [result] = await store.decide([step], {});
      allowed.push(result && 'answers' in result && result.answers[0]?.allowed);
    }
    await store.close();
    expect(allowed).toEqual([true, true, true, false, false]);
  });

  it.skipIf(skipped).each(lockNames)(
    '%s acquires, refuses another, extends, releases and acquires again',
    async (name) => {
      const { store } = named(lockPeers(server.url), name).open();
      const key = `shim-${crypto.randomUUID()}`;
      const attempt = (leaseId: string): ReturnType<typeof store.acquire> =>
        store.acquire({ key, leaseId, ownerId: 'me', mode: 'exclusive', permits: 1, ttlMs: 30_000 });
      const first = await attempt('first');
      if (!first.acquired) throw new Error('a fresh key was refused');
      const held = { key, leaseId: 'first', mode: 'exclusive', fencingToken: first.fencingToken } as const;
      expect(await attempt('second')).toMatchObject({ acquired: false });
      expect(await store.extend([{ ...held, ttlMs: 30_000 }])).toEqual([{ extended: true }]);
      expect(await store.release([held])).toEqual([{ released: true }]);
      expect(await attempt('second')).toMatchObject({ acquired: true });
      await store.close();
    },
  );
});

describe('what is said about peers', () => {
  const asked = { limiter: claimsOf('limiter'), lock: claimsOf('lock') };
  const ids = [...asked.limiter, ...asked.lock].map(({ id }) => id);
  const subjects = ids.map((id) => id.slice(0, id.indexOf('/')));

  it('names claims that the suites make, and peers that there are', () => {
    for (const { claims } of [...remarks, ...neverClaimed])
      for (const claim of claims) expect([...ids, ...subjects]).toContain(claim);
    for (const { peers } of [...remarks, ...neverClaimed])
      for (const peer of peers ?? [])
        expect(
          [...limiterNames, ...lockNames].some((name) => name.startsWith(peer)),
          peer,
        ).toBe(true);
  });

  it('leaves out no claim that it also asks', () => {
    for (const suite of ['limiter', 'lock'] as const) {
      expect(asked[suite].length).toBeGreaterThan(40);
      for (const { id } of asked[suite]) expect(leftOut[suite]).not.toHaveProperty([id]);
    }
  });
});
