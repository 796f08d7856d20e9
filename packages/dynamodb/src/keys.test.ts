import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { itemKey, partOf } from './keys.js';

describe('partition keys', () => {
  it('are the kind and the key, as long as DynamoDB takes them', () => {
    assert.deepEqual(itemKey('limit', 'api:é{}'), { pk: 'limit:api:é{}', hashed: undefined });
    const longest = 'é'.repeat(1_021);
    assert.equal(Buffer.byteLength(itemKey('limit', longest).pk), 2_048);
    assert.equal(itemKey('limit', longest).hashed, undefined);
  });

  it('are a hash beyond that, with the key beside it', () => {
    const key = 'é'.repeat(1_022);
    const { pk, hashed } = itemKey('lock', key);
    assert.match(pk, /^lock#[A-Za-z0-9_-]{43}$/);
    assert.equal(hashed, key);
    assert.notEqual(itemKey('lock', `${key}x`).pk, pk);
  });

  it('never meet: a key that looks like a hash stays a key', () => {
    const { pk } = itemKey('lock', 'x'.repeat(4_000));
    assert.notEqual(itemKey('lock', pk.slice('lock#'.length)).pk, pk);
  });

  it('spread over parts, the same each time', () => {
    const parts = new Set(Array.from({ length: 1_000 }, (_, i) => partOf(`limit:api:user-${i}`, 64)));
    assert.equal(parts.size, 64);
    assert.equal(partOf('limit:api:user-1', 64), partOf('limit:api:user-1', 64));
  });
});
