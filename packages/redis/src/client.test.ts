import { InvalidArgumentError } from '@headgate/core';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { checkClient, checkOwnClient } from './client.js';
import { redisLimiterStore } from './limiter-store.js';
import { redisLockStore } from './lock-store.js';

it.each([[undefined], [null], ['redis://localhost'], [{}], [{ get: () => 1 }]])(
  'says what a client is when it gets %j',
  (client) => {
    expect(() => checkClient(client)).toThrow(/Expected `client` to be an ioredis client/);
    expect(() => redisLimiterStore({ client: client as never })).toThrow(InvalidArgumentError);
    expect(() => redisLockStore({ client: client as never })).toThrow(InvalidArgumentError);
  },
);

it('refuses a key prefix that would move the hash tags', () => {
  const client = new Redis({ lazyConnect: true, keyPrefix: '{app}:' });
  expect(() => checkClient(client)).toThrow(/keyPrefix/);
});

it('refuses to send through a client that could send a call twice', () => {
  expect(() => checkOwnClient(new Redis({ lazyConnect: true }) as never)).toThrow(/autoResendUnfulfilledCommands/);
  const careful = new Redis({ lazyConnect: true, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 });
  expect(checkOwnClient(careful as never)).toBe(careful);
});
