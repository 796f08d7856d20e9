import assert from 'node:assert/strict';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createLimiter, fixedWindow, systemClock, tokenBucket } from '@headgate/core';
import { skipReason } from '@headgate/test-servers';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { dynamoLimiterStore } from '../src/index.js';
import { itemKey } from '../src/keys.js';
import { openFaultyPlace, operationOf } from './faulty-place.js';
import { clientFor, emulatorOf, services } from './service.js';
import type { ClockSkewEvent, Limit, LimiterDecided, LimiterOp, LimiterStore, StoreError } from '@headgate/core';
import type { DynamoLimiterStoreOptions } from '../src/index.js';
import type { FaultyPlace } from './faulty-place.js';

const hour = fixedWindow({ limit: 100, windowMs: 3_600_000 });
let keys = 0;
const newKey = (): string => `k${(keys += 1)}`;

async function ask(
  store: LimiterStore,
  key: string,
  op: LimiterOp,
  limits: readonly Limit[] = [hour],
): Promise<LimiterDecided> {
  const [result] = await store.decide([{ key, limits, ops: [op] }], {});
  if (!result || 'error' in result) throw result?.error ?? new Error('no result');
  return result;
}

const one: LimiterOp = { kind: 'consume', cost: 1 };
const remaining = ({ answers }: LimiterDecided): number | undefined => answers[0]?.remaining;

for (const service of services) {
  describe.skipIf(skipReason(service) !== undefined)(`the limiter store on ${service}`, () => {
    let faulty: FaultyPlace;
    const opened: LimiterStore[] = [];
    const open = (options: Partial<DynamoLimiterStoreOptions> = {}): LimiterStore => {
      const { client, table } = faulty.place;
      const store = dynamoLimiterStore({ client, table, ...emulatorOf(service), ...options });
      opened.push(store);
      return store;
    };
    const sent = (): string[] => faulty.proxy.requests.map(operationOf);
    const armed = (operation: string) => ({ when: (request: Buffer) => request.includes(`.${operation}`) });

    beforeAll(async () => {
      faulty = await openFaultyPlace(service);
    });
    afterEach(async () => {
      await faulty.proxy.pass();
      await Promise.all(opened.splice(0).map((store) => store.close()));
    });
    afterAll(() => faulty.close());

    it('asks for the time once, whatever calls at once', async () => {
      const store = open();
      faulty.proxy.forget();
      await Promise.all(Array.from({ length: 5 }, () => ask(store, newKey(), one)));
      assert.deepEqual(sent().sort(), ['GetItem', ...Array.from({ length: 5 }, () => 'PutItem')]);
    });

    it('charges once when the SDK repeats a write whose reply was lost', async () => {
      const store = open();
      const key = newKey();
      await ask(store, key, one);
      faulty.proxy.forget();
      const lost = faulty.proxy.dropNextReply(armed('PutItem'));
      assert.equal(remaining(await ask(store, key, one)), 98);
      await lost;
      assert.ok(sent().filter((operation) => operation === 'PutItem').length >= 2, 'the SDK did not repeat it');
      assert.equal(remaining(await ask(store, key, { kind: 'peek', cost: 1 })), 98);
    });

    it('charges at most once, and says that it does not know, when others wrote between the lost reply and the repetition', async () => {
      const client = clientFor(faulty.proxy.url, { retryMode: 'standard', maxAttempts: 3 });
      const store = open({ client });
      const other = open();
      const key = newKey();
      await ask(store, key, one);
      const lost = faulty.proxy.dropNextReply(armed('PutItem'));
      const call = ask(store, key, one);
      // Before the SDK repeats it: its pause is random, so this may come too late, and then the repetition is recognised.
      const between = lost.then(() => ask(other, key, one));
      const outcome = await call.then(remaining, (error: unknown) => error);
      await between;
      const left = remaining(await ask(store, key, { kind: 'peek', cost: 1 }));
      assert.equal(left, 97, 'three calls were charged three times');
      if (typeof outcome !== 'number') assert.match(String(outcome), /whether it took effect is unknown/);
      client.destroy();
    });

    it('goes on when the service throttles or breaks for a moment, and charges once', async () => {
      const store = open();
      const key = newKey();
      await ask(store, key, one);
      const type = 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException';
      faulty.proxy.answerNext(1, { status: 400, body: { __type: type, message: 'slow down' } });
      faulty.proxy.answerNext(1, {
        status: 500,
        body: { __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError' },
      });
      assert.equal(remaining(await ask(store, key, one)), 98);
    });

    it('tells throttling, a broken service, a lost connection and silence apart', async () => {
      const client = clientFor(faulty.proxy.url, { maxAttempts: 1 });
      const store = open({ client, timeoutMs: 300 });
      const key = newKey();
      await ask(store, key, one);
      const failure = async (): Promise<unknown> =>
        ask(store, key, one).then(
          () => 'no failure',
          ({ code, kind }: StoreError) => `${code} ${kind}`,
        );
      const type = 'com.amazonaws.dynamodb.v20120810#ThrottlingException';
      faulty.proxy.answerNext(1, { status: 400, body: { __type: type, message: 'slow down' } });
      assert.equal(await failure(), 'HEADGATE_STORE throttled');
      faulty.proxy.answerNext(1, { status: 503, body: { __type: 'ServiceUnavailable' } });
      assert.equal(await failure(), 'HEADGATE_STORE other');
      await faulty.proxy.refuse();
      await faulty.proxy.cut();
      assert.equal(await failure(), 'HEADGATE_STORE connection');
      await faulty.proxy.pass();
      await faulty.proxy.blackhole('both');
      assert.equal(await failure(), 'HEADGATE_STORE_TIMEOUT timeout');
      client.destroy();
    });

    it('gives up contended steps after a bounded number of attempts, without a charge', async () => {
      const store = open();
      const key = newKey();
      await ask(store, key, one);
      const { pk } = itemKey('limit', key);
      const { client, table } = faulty.place;
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: { pk: { S: pk } } }));
      const body = {
        __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
        message: 'The conditional request failed',
        Item,
      };
      faulty.proxy.forget();
      faulty.proxy.answerNext(1_000, { status: 400, body }, (request) => operationOf(request) === 'PutItem');
      await assert.rejects(ask(store, key, one), { code: 'HEADGATE_STORE_CONTENDED', attempts: 60 });
      assert.equal(sent().filter((operation) => operation === 'PutItem').length, 60);
      await faulty.proxy.pass();
      assert.equal(remaining(await ask(store, key, { kind: 'peek', cost: 1 })), 99);
    });

    it('leaves nobody behind on a hot key: four that never rest all get their charges, none contended', async () => {
      const stores = Array.from({ length: 4 }, () => open());
      const key = newKey();
      const rounds = 30;
      const plenty = [fixedWindow({ limit: 10_000, windowMs: 3_600_000 })];
      await Promise.all(
        stores.map(async (store) => {
          for (let i = 0; i < rounds; i++) await ask(store, key, one, plenty);
        }),
      );
      const left = remaining(await ask(open(), key, { kind: 'peek', cost: 1 }, plenty));
      assert.equal(left, 10_000 - stores.length * rounds);
    });

    it('treats what has expired and was not deleted yet as absent, in one request', async () => {
      const store = open();
      const key = newKey();
      const short = fixedWindow({ limit: 5, windowMs: 30 });
      const { answers } = await ask(store, key, one, [short]);
      while (systemClock.nowUs() <= (answers[0]?.resetAtUs ?? 0))
        await new Promise((resolve) => setTimeout(resolve, 5));
      const fresh = open();
      await ask(fresh, newKey(), one);
      faulty.proxy.forget();
      assert.equal(remaining(await ask(fresh, key, one, [short])), 4);
      assert.deepEqual(sent(), ['PutItem']);
    });

    it('holds limits of a key that is too long for DynamoDB, and keeps the key beside its hash', async () => {
      const key = `${newKey()}${'é'.repeat(1_900)}`;
      const store = open();
      await ask(store, key, one);
      assert.equal(remaining(await ask(open(), key, one)), 98);
      const { pk } = itemKey('limit', key);
      const { client, table } = faulty.place;
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: { pk: { S: pk } } }));
      assert.equal(Item?.['k']?.S, key);
      assert.match(Item?.['t']?.N ?? '', /^\d{10}$/, 'the TTL is whole seconds');
    });

    it('decides alike from clients whose clocks are an hour apart, and tells of them', async () => {
      const events: ClockSkewEvent[] = [];
      const hooks = { onClockSkew: (event: ClockSkewEvent): void => void events.push(event) };
      const shifted = (ms: number): LimiterStore =>
        open({ clock: { ...systemClock, nowUs: () => systemClock.nowUs() + ms * 1000 }, hooks });
      const stores = [shifted(1_800_000), shifted(-1_800_000), open()] as const;
      const key = newKey();
      // A token each 10 s: an uncorrected hour would refill it 360 times over.
      const bucket = tokenBucket({ capacity: 5, refillTokens: 1, refillIntervalMs: 10_000 });
      let allowed = 0;
      const seenUs: number[] = [];
      for (let i = 0; i < 30; i++) {
        const { answers, nowUs } = await ask(stores[i % 3] as LimiterStore, key, one, [bucket]);
        if (answers[0]?.allowed) allowed += 1;
        seenUs.push(nowUs - systemClock.nowUs());
      }
      assert.equal(allowed, 5);
      for (const offUs of seenUs)
        assert.ok(Math.abs(offUs) < 2_000_000, `decided ${offUs / 1000} ms away from the time`);
      assert.deepEqual(
        events.map(({ skewMs }) => Math.round(skewMs / 100_000)),
        [18, -18],
      );
    });

    it('admits no more than the record allows when a clock is uncorrected and ahead: state is clamped', async () => {
      const ahead = open({
        clock: { ...systemClock, nowUs: () => systemClock.nowUs() + 3_600_000_000 },
        clockSource: 'client',
      });
      const events: ClockSkewEvent[] = [];
      const right = open({ hooks: { onClockSkew: (event) => void events.push(event) } });
      const key = newKey();
      const bucket = tokenBucket({ capacity: 3, refillTokens: 1, refillIntervalMs: 60_000 });
      for (let i = 0; i < 3; i++) await ask(ahead, key, one, [bucket]);
      const { answers, atUs, nowUs } = await ask(right, key, one, [bucket]);
      assert.equal(answers[0]?.allowed, false);
      assert.ok(atUs - nowUs > 3_500_000_000, 'decided at the record’s time');
      assert.ok((events[0]?.skewMs ?? 0) < -3_500_000, 'the future record is reported');
    });

    it('refuses a record of another version, and leaves it', async () => {
      const store = open();
      const key = newKey();
      const { client, table } = faulty.place;
      const Item = { pk: { S: itemKey('limit', key).pk }, w: { S: 'x' }, r: { S: '[7]' }, f: { N: '9e15' } };
      await client.send(new PutItemCommand({ TableName: table, Item }));
      await assert.rejects(ask(store, key, one), { code: 'HEADGATE_RECORD_VERSION' });
    });

    it('costs no request for denials that the deny cache knows', async () => {
      const store = open();
      const limits = [fixedWindow({ name: 'default', limit: 3, windowMs: 3_600_000 })];
      const limiter = createLimiter({ name: `l${newKey()}`, store, limits, denyCache: { maxMs: 60_000 } });
      const key = newKey();
      for (let i = 0; i < 4; i++) await limiter.consume(key);
      faulty.proxy.forget();
      for (let i = 0; i < 1_000; i++) assert.equal((await limiter.consume(key)).allowed, false);
      assert.ok(sent().length <= 10, `${sent().length} requests for 1,000 denials`);
      await limiter.close();
    });

    it('serves callers at once on one key by one write, and many keys by one each', async () => {
      const store = open();
      const limiter = createLimiter({
        name: `l${newKey()}`,
        store,
        limits: [fixedWindow({ limit: 100_000, windowMs: 3_600_000 })],
        timeoutMs: 20_000,
      });
      await limiter.consume('warm');
      faulty.proxy.forget();
      await Promise.all(Array.from({ length: 512 }, () => limiter.consume('hot')));
      assert.ok(sent().length <= 10, `${sent().length} requests for 512 callers`);
      const count = 200;
      for (let round = 0; round < 3; round++) {
        if (round === 1) faulty.proxy.forget();
        for (let from = 0; from < count; from += 50)
          await Promise.all(Array.from({ length: 50 }, (_, i) => limiter.consume(`key-${from + i}`)));
      }
      assert.ok(sent().length / (2 * count) <= 1.05, `${sent().length} requests for ${2 * count} admitted decisions`);
      await limiter.close();
    });
  });
}
