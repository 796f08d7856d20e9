import { RecordVersionError } from '@headgate/core';
import { partOf } from './keys.js';
import { textOf } from './table.js';
import type { LockLostReason, LockMode } from '@headgate/core';
import type { ItemKey } from './keys.js';
import type { Condition, Item } from './table.js';

/** One lease in a lock's item. Instants are epoch milliseconds by the clock of the process that wrote them. */
export interface Holder {
  readonly leaseId: string;
  readonly ownerId: string;
  readonly sessionId: string | undefined;
  /** The reserved tokens, and the one that the present owner shows. */
  readonly firstToken: number;
  readonly lastToken: number;
  readonly shownToken: number;
  readonly acquiredAtMs: number;
  readonly expiresAtMs: number;
  readonly ttlMs: number;
  readonly metadata: Readonly<Record<string, string>> | undefined;
}

/** A lease that was taken away, kept until its holder must have noticed. */
export interface Evicted {
  readonly leaseId: string;
  readonly reason: LockLostReason;
  readonly forgetAtMs: number;
}

/** Everything remembered about a lock; kept after its release, for the token. */
export interface LockRecord {
  readonly mode: LockMode;
  readonly permits: number;
  /** Highest token issued. */
  readonly lastToken: number;
  readonly holders: readonly Holder[];
  readonly evicted: readonly Evicted[];
  /** When it was written. */
  readonly writtenAtMs: number;
}

/** A lock that nobody ever held. */
export const untouched: LockRecord = {
  mode: 'exclusive',
  permits: 1,
  lastToken: 0,
  holders: [],
  evicted: [],
  writtenAtMs: 0,
};

const version = 1;
const modes: readonly LockMode[] = ['exclusive', 'shared', 'permit'];
/** The index of held locks is spread over so many partitions. */
const indexParts = 64;
/** How long an unused lock's item is kept, seconds. A clock seeds the tokens, so nothing is lost with it. */
const keptSeconds = 7 * 86_400;

type EncodedHolder = readonly [
  string,
  string,
  string | null,
  number,
  number,
  number,
  number,
  number,
  number,
  object | null,
];
type Encoded = readonly [
  version: number,
  mode: number,
  permits: number,
  lastToken: number,
  writtenAtMs: number,
  holders: readonly EncodedHolder[],
  evicted: readonly (readonly [string, LockLostReason, number])[],
];

/** Epoch milliseconds at which the last lease ends; 0 when there is none. */
export function heldUntilMs({ holders }: LockRecord): number {
  return holders.reduce((latest, { expiresAtMs }) => Math.max(latest, expiresAtMs), 0);
}

/**
 * A lock's item: `r` the record as one line of JSON, `n` the highest token issued, `x` the epoch millisecond at which the last lease ends (0: nobody
 * holds it), `t` the TTL in whole seconds, `k` the key where `pk` is its hash; and while it is held `g`, which puts it into the index, and `s`, the
 * ids of the sessions that hold it.
 */
export function toItem({ pk, hashed }: ItemKey, record: LockRecord, writeId: string): Item {
  const heldMs = heldUntilMs(record);
  const sessions = [
    ...new Set(record.holders.flatMap(({ sessionId }) => (sessionId === undefined ? [] : [sessionId]))),
  ];
  return {
    pk: { S: pk },
    w: { S: writeId },
    r: { S: JSON.stringify(encode(record)) },
    n: { N: String(record.lastToken) },
    x: { N: String(heldMs) },
    t: { N: String(Math.ceil(Math.max(heldMs, record.writtenAtMs) / 1000) + keptSeconds) },
    ...(hashed === undefined ? {} : { k: { S: hashed } }),
    ...(record.holders.length === 0 ? {} : { g: { S: String(partOf(pk, indexParts)) } }),
    ...(sessions.length === 0 ? {} : { s: { SS: sessions } }),
  };
}

/** The record of an item; throws `RecordVersionError` for an item that is not of this release's format. */
export function fromItem(item: Item, store: string): LockRecord {
  let value: unknown;
  try {
    value = JSON.parse(textOf(item, 'r'));
  } catch (cause) {
    throw new RecordVersionError('The stored item is no lock of ours; it was left untouched', { store, cause });
  }
  if (Array.isArray(value) && value[0] === version) return decode(value as unknown as Encoded);
  const found = Array.isArray(value) ? String(value[0]) : typeof value;
  const message = `The stored lock has format version ${found}, this release reads ${version}; it was left untouched`;
  throw new RecordVersionError(message, { store });
}

/** The key an item is for. */
export function keyOf(item: Item): { readonly key: string; readonly itemKey: ItemKey } {
  const pk = textOf(item, 'pk');
  const hashed = item['k']?.S;
  return { key: hashed ?? pk.slice(pk.indexOf(':') + 1), itemKey: { pk, hashed } };
}

/** That nobody holds the lock as of `freeMs`, and that every token issued is below `firstToken`: whatever else is known of it does not matter then. */
export function freeBelow(firstToken: number, freeMs: number): Condition {
  return {
    expression: 'attribute_not_exists(#pk) OR (#x <= :free AND #n < :first)',
    names: { pk: 'pk', x: 'x', n: 'n' },
    values: { free: { N: String(freeMs) }, first: { N: String(firstToken) } },
  };
}

function encode({ mode, permits, lastToken, writtenAtMs, holders, evicted }: LockRecord): Encoded {
  return [
    version,
    modes.indexOf(mode),
    permits,
    lastToken,
    writtenAtMs,
    holders.map(
      (holder): EncodedHolder => [
        holder.leaseId,
        holder.ownerId,
        holder.sessionId ?? null,
        holder.firstToken,
        holder.lastToken,
        holder.shownToken,
        holder.acquiredAtMs,
        holder.expiresAtMs,
        holder.ttlMs,
        holder.metadata ?? null,
      ],
    ),
    evicted.map(({ leaseId, reason, forgetAtMs }) => [leaseId, reason, forgetAtMs] as const),
  ];
}

function decode([, mode, permits, lastToken, writtenAtMs, holders, evicted]: Encoded): LockRecord {
  return {
    mode: modes[mode] ?? 'exclusive',
    permits,
    lastToken,
    writtenAtMs,
    holders: holders.map(
      ([leaseId, ownerId, sessionId, first, last, shown, acquiredAtMs, expiresAtMs, ttlMs, metadata]) => ({
        leaseId,
        ownerId,
        sessionId: sessionId ?? undefined,
        firstToken: first,
        lastToken: last,
        shownToken: shown,
        acquiredAtMs,
        expiresAtMs,
        ttlMs,
        metadata: (metadata ?? undefined) as Holder['metadata'],
      }),
    ),
    evicted: evicted.map(([leaseId, reason, forgetAtMs]) => ({ leaseId, reason, forgetAtMs })),
  };
}
