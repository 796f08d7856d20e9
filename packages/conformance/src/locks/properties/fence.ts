import assert from 'node:assert/strict';
import type { LockMode } from '@headgate/core';
import { sleep } from '../../suite/deadline.js';
import { randomKey } from '../../suite/random.js';
import { extend, giveBack, refuse, type Held, take } from '../leases.js';
import { inMovedTime, type LockProperty, needsPermits, needsShared } from './claim.js';

function assertRising(held: readonly Held[]): void {
  for (const [index, each] of held.entries()) {
    const before = held[index - 1];
    if (!before) continue;
    assert.ok(
      each.fencingToken > before.lastToken,
      `token ${each.fencingToken} is not above ${before.lastToken}, issued before it`,
    );
  }
}

const inMode = (mode: LockMode): { mode: LockMode; permits: number } => ({ mode, permits: mode === 'permit' ? 3 : 1 });

/** Fencing tokens rise with every grant of a key, whatever ended the one before. */
export const fenceProperties: readonly LockProperty[] = [
  {
    id: 'fence/rises-over-release',
    title: 'each grant has a higher token than the one that was released before it, from any instance',
    async run({ store, peer }) {
      const key = randomKey();
      const stores = [store, await peer()] as const;
      const held: Held[] = [];
      for (let round = 0; round < 20; round++) {
        const own = stores[round % 2] as typeof store;
        const each = await take(own, key);
        held.push(each);
        await giveBack(own, each);
      }
      assertRising(held);
    },
  },
  inMovedTime({
    id: 'fence/rises-over-expiry',
    title: 'the grant after an expiry has a higher token than the lease that expired',
    async run(test) {
      const key = randomKey();
      const held: Held[] = [];
      for (let round = 0; round < 3; round++) {
        held.push(await take(test.store, key, { ttlMs: test.shortMs }));
        await test.outlive(test.shortMs);
      }
      assertRising(held);
    },
  }),
  inMovedTime({
    id: 'fence/rises-long-after-the-key-was-last-used',
    title: 'the token rises although the key was unused for a while (a day in moved time, else 2 s past a short ttl)',
    async run(test) {
      const key = randomKey();
      const first = await take(test.store, key, { ttlMs: test.shortMs });
      await giveBack(test.store, first);
      await test.pass(test.clock ? 86_400_000 : 2_000);
      assertRising([first, await take(test.store, key)]);
    },
  }),
  {
    id: 'fence/rises-over-forced-release',
    title: 'a forced release returns a token above all before it, and the next grant is above that one',
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      let last = 0;
      for (let round = 0; round < 5; round++) {
        const held = await take(store, key, { tokens: 4 });
        assert.ok(held.fencingToken > last, `token ${held.fencingToken} is not above ${last}`);
        const forced = await other.forceRelease(key);
        assert.ok(forced.fencingToken > held.lastToken, `forced ${forced.fencingToken} is not above ${held.lastToken}`);
        last = forced.fencingToken;
        await freed(store, key);
      }
      const free = await store.forceRelease(key);
      assert.ok(free.fencingToken > last, 'forcing a free key issues a token above all before it too');
    },
  },
  {
    id: 'fence/blocks-do-not-overlap',
    title: 'a grant after a block of tokens is above the end of that block',
    async run({ store, peer }) {
      const key = randomKey();
      const other = await peer();
      const held: Held[] = [];
      for (const tokens of [16, 1, 5, 100, 1]) {
        const own = held.length % 2 ? other : store;
        const each = await take(own, key, { tokens });
        held.push(each);
        assert.ok(
          ((await own.inspect(key))?.fencingToken ?? 0) >= each.lastToken,
          'inspect shows the highest token issued',
        );
        await giveBack(own, each);
      }
      assertRising(held);
    },
  },
  {
    id: 'fence/extension-keeps-the-token',
    title: 'an extension, and an attempt that was refused, change no token',
    async run({ store }) {
      const key = randomKey();
      const held = await take(store, key);
      for (let round = 0; round < 5; round++) {
        assert.deepEqual(await extend(store, held, 30_000), { extended: true });
        await refuse(store, key);
      }
      const holder = (await store.inspect(key))?.holders[0];
      assert.equal(holder?.fencingToken, held.fencingToken);
    },
  },
  {
    id: 'fence/one-order-for-all-modes',
    title: 'tokens are issued per key, not per mode: exclusive, shared and permit leases form one rising sequence',
    unless: (test) => needsShared(test) ?? needsPermits(test),
    async run({ store }) {
      const key = randomKey();
      const held: Held[] = [];
      for (const mode of ['exclusive', 'shared', 'permit', 'shared', 'exclusive', 'permit'] as const) {
        const each = await take(store, key, inMode(mode));
        held.push(each);
        await giveBack(store, each);
      }
      assertRising(held);
    },
  },
  {
    id: 'fence/holders-together-have-their-own',
    title: 'leases held together have tokens of their own, in the order of their grants',
    unless: needsShared,
    async run({ store, peer }) {
      const key = randomKey();
      const stores = [store, await peer()] as const;
      const held: Held[] = [];
      for (let each = 0; each < 10; each++) {
        held.push(await take(stores[each % 2] as typeof store, key, { mode: 'shared' }));
      }
      assertRising(held);
    },
  },
  {
    id: 'fence/contenders-get-distinct-tokens',
    title: 'twenty that contend for one key from two instances get distinct tokens, in the order of their grants',
    async run({ store, peer }) {
      const key = randomKey();
      const stores = [store, await peer()] as const;
      const granted: Held[] = [];
      let holding = 0;
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const own = stores[index % 2] as typeof store;
          for (;;) {
            const asked = {
              key,
              leaseId: randomKey('lease'),
              ownerId: `o${index}`,
              mode: 'exclusive' as const,
              permits: 1,
              ttlMs: 30_000,
            };
            const reply = await own.acquire(asked);
            if (!reply.acquired) {
              await sleep(2);
              continue;
            }
            holding += 1;
            assert.equal(holding, 1, 'two hold the key');
            const held = { ...asked, fencingToken: reply.fencingToken, lastToken: reply.lastToken, request: asked };
            granted.push(held);
            holding -= 1;
            await giveBack(own, held);
            return;
          }
        }),
      );
      assert.equal(granted.length, 20);
      assertRising(granted);
    },
  },
  {
    id: 'fence/rises-over-loss-of-all-data',
    title: 'the token rises although the store lost all its data',
    faults: ['wipe'],
    unless: ({ store }) =>
      store.capabilities.tokensSurviveDataLoss ? undefined : 'the store declares that its tokens do not',
    async run({ store, faults }) {
      const key = randomKey();
      const before = await take(store, key, { tokens: 16 });
      await faults.wipe?.();
      // The clock must have passed the block's end, and may tick in milliseconds.
      await sleep(5);
      const after = await take(store, key);
      assertRising([before, after]);
      assert.equal((await extend(store, before, 30_000)).extended, false, 'the lease from before is gone');
    },
  },
];

// Where only the holder's process can let go, a forced release takes effect when it has answered.
async function freed(store: Parameters<typeof take>[0], key: string): Promise<void> {
  const deadlineMs = performance.now() + 2_000;
  while ((await store.inspect(key)) !== null) {
    assert.ok(performance.now() < deadlineMs, 'the forced release took no effect within 2 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
