import { decodeRecord, encodeRecord, recordFreshAtUs } from '@headgate/core';
import { textOf } from './table.js';
import type { LimiterRecord } from '@headgate/core';
import type { ItemKey } from './keys.js';
import type { Condition, Item } from './table.js';

/**
 * A limiter's item: `r` the record as one line of JSON (see core's `encodeRecord`), `f` the epoch microsecond from which it equals a fresh one, `t` the
 * same in whole seconds, rounded up, for the table's TTL, and `k` the key where `pk` is its hash.
 */
export function toItem({ pk, hashed }: ItemKey, record: LimiterRecord, writeId: string): Item {
  const freshAtUs = recordFreshAtUs(record);
  const item: Item = {
    pk: { S: pk },
    w: { S: writeId },
    r: { S: encodeRecord(record) },
    f: { N: String(freshAtUs) },
    t: { N: String(Math.ceil(freshAtUs / 1_000_000)) },
  };
  if (hashed !== undefined) item['k'] = { S: hashed };
  return item;
}

/** The record of an item; throws `RecordVersionError` for an item that is not of this release's format. */
export function fromItem(item: Item, store: string): LimiterRecord {
  return decodeRecord(textOf(item, 'r'), store);
}

/** That the key has no record, or one that equals a fresh one at `nowUs`: DynamoDB deletes such items days later. */
export function absent(nowUs: number): Condition {
  return {
    expression: 'attribute_not_exists(#pk) OR #f <= :now',
    names: { pk: 'pk', f: 'f' },
    values: { now: { N: String(nowUs) } },
  };
}
