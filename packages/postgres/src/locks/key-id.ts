import { hash } from 'node:crypto';
import type { Names } from '../names.js';

/** How a key is known to the server. */
export interface KeyId {
  readonly key: string;
  /** SHA-256 of the key, hex: names its row. */
  readonly hash: string;
  /** The key itself in UTF-8, hex. */
  readonly hex: string;
  /** The advisory lock, a 64-bit integer as text. */
  readonly lockId: string;
}

/** Maps a key to the 64-bit integer of its advisory lock. */
export type HashLock = (key: string) => bigint;

/** First eight bytes of SHA-256 over schema, prefix and key: two installations in one database keep apart. */
export function defaultHashLock(names: Names): HashLock {
  const namespace = `headgate\0${names.schema}\0${names.prefix}\0`;
  return (key) => hash('sha256', namespace + key, 'buffer').readBigInt64BE();
}

export function keyIdOf(key: string, hashLock: HashLock): KeyId {
  const bytes = Buffer.from(key, 'utf8');
  return { key, hash: sha256Hex(bytes), hex: bytes.toString('hex'), lockId: hashLock(key).toString() };
}

export function sha256Hex(data: string | Buffer): string {
  return hash('sha256', data, 'hex');
}
