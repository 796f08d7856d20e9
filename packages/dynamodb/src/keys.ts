import { createHash } from 'node:crypto';

/** DynamoDB's bound on a partition key, in bytes of UTF-8. */
const maxPartitionKeyBytes = 2048;

/** What an item is for: a limiter's record, a lock, or the probe that asks for the service's time. */
export type ItemKind = 'limit' | 'lock' | 'clock';

/** Where a key's item lies. */
export interface ItemKey {
  /** The partition key. */
  readonly pk: string;
  /** The key, to be kept in an attribute, when `pk` is only its hash. */
  readonly hashed: string | undefined;
}

/** The item of a key: `kind:key`, or `kind#` and the SHA-256 of a key that would not fit. The two forms cannot meet. */
export function itemKey(kind: ItemKind, key: string): ItemKey {
  const pk = `${kind}:${key}`;
  if (pk.length * 3 <= maxPartitionKeyBytes || Buffer.byteLength(pk, 'utf8') <= maxPartitionKeyBytes)
    return { pk, hashed: undefined };
  return { pk: `${kind}#${createHash('sha256').update(key, 'utf8').digest('base64url')}`, hashed: key };
}

/** A small number for a key, the same in every process: spreads keys over `parts`. */
export function partOf(key: string, parts: number): number {
  let hash = 0x811c9dc5;
  for (let i = Math.max(0, key.length - 32); i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0) % parts;
}
