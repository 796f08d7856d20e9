import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createLocks, systemClock } from '@headgate/core';
import { skipReason } from '@headgate/test-servers';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { dynamoLockStore } from '../src/index.js';
import { itemKey } from '../src/keys.js';
import { openFaultyPlace, operationOf } from './faulty-place.js';
import { emulatorOf, services } from './service.js';
import type { AcquireReply, AcquireRequest, Clock, LockState, LockStore } from '@headgate/core';
import type { DynamoLockStoreOptions } from '../src/index.js';
import type { FaultyPlace } from './faulty-place.js';

let count = 0;
const request = (key: string, changes: Partial<AcquireRequest> = {}): AcquireRequest => ({
  key,
  leaseId: `lease-${(count += 1)}`,
  ownerId: 'me',
  mode: 'exclusive',
  permits: 1,
  ttlMs: 30_000,
  ...changes,
});
const newKey = (): string => `files:k${(count += 1)}`;

/** The tokens of a reply that granted the lock. */
function granted(reply: AcquireReply): { fencingToken: number; lastToken: number } {
  assert.ok(reply.acquired, JSON.stringify(reply));
  return reply;
}

const shifted = (ms: number): Clock => ({ ...systemClock, nowUs: () => systemClock.nowUs() + ms * 1000 });

for (const service of services) {
  describe.skipIf(skipReason(service) !== undefined)(`the lock store on ${service}`, () => {
    let faulty: FaultyPlace;
    const opened: LockStore[] = [];
    const open = (options: Partial<DynamoLockStoreOptions> = {}): LockStore => {
      const { client, table } = faulty.place;
      const store = dynamoLockStore({ client, table, ...emulatorOf(service), ...options });
      opened.push(store);
      return store;
    };
    const sent = (): string[] => faulty.proxy.requests.map(operationOf);

    beforeAll(async () => {
      faulty = await openFaultyPlace(service);
    });
    afterEach(async () => {
      await faulty.proxy.pass();
      await Promise.all(opened.splice(0).map((store) => store.close()));
    });
    afterAll(() => faulty.close());

    it('takes a lock that was held and released by others in one request, and gives it back in one', async () => {
      const [store, other] = [open(), open()];
      const key = newKey();
      for (const each of [store, other, store]) {
        await each.inspect('files:warm-up');
        faulty.proxy.forget();
        const asked = request(key);
        const held = { ...asked, ...granted(await each.acquire(asked)) };
        assert.deepEqual(await each.release([held]), [{ released: true }]);
        assert.deepEqual(sent(), ['PutItem', 'PutItem']);
      }
    });

    it('waits by reads: the first look at a held lock is a write, the others are not', async () => {
      const [store, other] = [open(), open()];
      const key = newKey();
      granted(await store.acquire(request(key)));
      await other.inspect('files:warm-up');
      faulty.proxy.forget();
      const asked = request(key);
      for (let i = 0; i < 5; i++) assert.equal((await other.acquire(asked)).acquired, false);
      const writes = sent().filter((operation) => operation === 'PutItem').length;
      assert.equal(writes, 1);
      assert.ok(sent().length <= (service === 'dynalite' ? 6 : 5));
    });

    it('extends 60 leases in three requests where there is PartiQL, each with its own answer', async () => {
      const store = open();
      const asked = Array.from({ length: 60 }, () => request(newKey()));
      const held = await Promise.all(asked.map(async (each) => ({ ...each, ...granted(await store.acquire(each)) })));
      const gone = held[7] as (typeof held)[number];
      await open().forceRelease(gone.key);
      faulty.proxy.forget();
      const replies = await store.extend(held);
      assert.deepEqual(replies[7], { extended: false, reason: 'forced' });
      assert.equal(replies.filter(({ extended }) => extended).length, 59);
      if (service === 'dynamodb')
        // The one that was gone is looked at again before it is said to be lost.
        assert.deepEqual(sent(), [...Array.from({ length: 3 }, () => 'BatchExecuteStatement'), 'GetItem']);
      const state = await open().inspect(held[8]?.key ?? '');
      assert.ok((state?.holders[0]?.expiresAtMs ?? 0) > (state?.holders[0]?.acquiredAtMs ?? 0) + 30_000 - 1);
    });

    it('passes a dead holder’s lock on when its lease has ended, to one who watched it, and not before', async () => {
      const key = newKey();
      const [dead, taker] = [open(), open()];
      const first = granted(await dead.acquire(request(key, { ttlMs: 300 })));
      const endedMs = performance.now() + 300;
      for (;;) {
        const reply = await taker.acquire(request(key));
        if (reply.acquired) {
          assert.ok(reply.fencingToken > first.lastToken);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.min(reply.retryAfterMs, 50)));
      }
      const lateMs = performance.now() - endedMs;
      assert.ok(lateMs >= 0 && lateMs < 1_000, `taken ${lateMs} ms after the lease had ended`);
    });

    it('passes a dead holder’s lock on at first sight when its lease has ended by every clock within the skew', async () => {
      const key = newKey();
      granted(await open().acquire(request(key, { ttlMs: 50 })));
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal((await open({ maxSkewMs: 5_000 }).acquire(request(key))).acquired, false);
      granted(await open({ maxSkewMs: 20 }).acquire(request(key)));
    });

    it('passes a dead holder’s lock on by watching it when the clocks do not agree, and never sooner', async () => {
      const key = newKey();
      const dead = open({ clock: shifted(3_600_000), clockSource: 'client' });
      granted(await dead.acquire(request(key, { ttlMs: 600 })));
      const takenMs = performance.now();
      const taker = open();
      const asked = request(key);
      let refusals = 0;
      for (;;) {
        const reply = await taker.acquire(asked);
        if (reply.acquired) break;
        refusals += 1;
        assert.ok(reply.retryAfterMs <= 602, `told to wait ${reply.retryAfterMs} ms for a lease of 600 ms`);
        await new Promise((resolve) => setTimeout(resolve, Math.min(reply.retryAfterMs, 100)));
      }
      const tookMs = performance.now() - takenMs;
      assert.ok(refusals > 0 && tookMs >= 600, `taken after ${tookMs} ms`);
    });

    it('does not take a live holder’s lock from a process whose clock is an hour off', async () => {
      for (const ms of [3_600_000, -3_600_000]) {
        const key = newKey();
        const [holder, taker] = [open({ clock: shifted(ms) }), open({ clock: shifted(-ms) })];
        const asked = request(key);
        const held = { ...asked, ...granted(await holder.acquire(asked)) };
        for (let i = 0; i < 3; i++) assert.equal((await taker.acquire(request(key))).acquired, false);
        assert.deepEqual(await holder.extend([held]), [{ extended: true }]);
        assert.deepEqual(await holder.release([held]), [{ released: true }]);
        granted(await taker.acquire(request(key)));
      }
    });

    it('shows the full key of a lock whose key is too long for DynamoDB', async () => {
      const store = open();
      const key = `${newKey()}:${'é'.repeat(1_900)}`;
      granted(await store.acquire(request(key, { sessionId: 'long' })));
      assert.equal((await open().inspect(key))?.key, key);
      const listed: LockState[] = [];
      for await (const state of open().list({ prefix: 'files:', sessionId: 'long' })) listed.push(state);
      assert.deepEqual(
        listed.map((state) => state.key),
        [key],
      );
      assert.deepEqual(await open().releaseSession({ prefix: 'files:', sessionId: 'long' }), {
        released: [key],
        pending: [],
      });
    });

    it('takes a lock left by a process that never released it although DynamoDB has not deleted the item', async () => {
      const store = open();
      const key = newKey();
      const { pk } = itemKey('lock', key);
      const { client, table } = faulty.place;
      const asked = request(key, { ttlMs: 60 });
      const first = granted(await store.acquire(asked));
      await new Promise((resolve) => setTimeout(resolve, 80));
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: { pk: { S: pk } } }));
      assert.ok(Item, 'the item is kept');
      const later = open({ maxSkewMs: 0 });
      await later.inspect('files:warm-up');
      faulty.proxy.forget();
      assert.ok(granted(await later.acquire(request(key))).fencingToken > first.lastToken);
      assert.deepEqual(sent(), ['PutItem']);
    });

    it('refuses an item of another version, and leaves it', async () => {
      const key = newKey();
      const { client, table } = faulty.place;
      const Item = {
        pk: { S: itemKey('lock', key).pk },
        w: { S: 'x' },
        r: { S: '[2]' },
        x: { N: '9e14' },
        n: { N: '1' },
      };
      await client.send(new PutItemCommand({ TableName: table, Item }));
      await assert.rejects(open().acquire(request(key)), { code: 'HEADGATE_RECORD_VERSION' });
    });

    it('renews many leases under one signal without a warning', async () => {
      const store = open();
      const requests = Array.from({ length: 20 }, () => request(newKey()));
      const leases = await Promise.all(
        requests.map(async (each) => {
          const { fencingToken } = granted(await store.acquire(each));
          return { key: each.key, leaseId: each.leaseId, mode: each.mode, fencingToken, ttlMs: 30_000 };
        }),
      );
      const warnings: Error[] = [];
      const warned = (warning: Error): void => void warnings.push(warning);
      process.on('warning', warned);
      const replies = await store.extend(leases, new AbortController());
      await setImmediate();
      process.off('warning', warned);
      assert.ok(replies.every(({ extended }) => extended));
      assert.deepEqual(warnings, []);
    });

    it('tells a holder at its next renewal that it was evicted, and why', async () => {
      const store = open();
      const evictor = createLocks({ name: 'files', store: open(), ttlMs: 10_000 });
      const locks = createLocks({ name: 'files', store, ttlMs: 600 });
      const lock = await locks.acquire('evicted');
      await evictor.forceRelease('evicted');
      await new Promise((resolve) => lock.signal.addEventListener('abort', resolve, { once: true }));
      assert.equal((lock.signal.reason as { reason?: string }).reason, 'forced');
      await Promise.all([locks.close(), evictor.close()]);
    });
  });
}
