import type { HolderInfo, LockLostReason, LockMode, LockState } from '@headgate/core';

export const modes: readonly LockMode[] = ['exclusive', 'shared', 'permit'];

/** What a lease's row says of its holder; text, since PostgreSQL's own JSON refuses NUL. */
export function encodeInfo(info: {
  readonly ownerId: string;
  readonly sessionId?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}): string {
  return JSON.stringify([info.ownerId, info.sessionId ?? null, info.metadata ?? null]);
}

export type EncodedHolder = readonly [
  leaseId: string,
  info: string,
  fencingToken: number,
  acquiredUs: number,
  expiresUs: number,
];

export function decodeHolder([leaseId, info, fencingToken, acquiredUs, expiresUs]: EncodedHolder): HolderInfo {
  const [ownerId, sessionId, metadata] = JSON.parse(info) as [string, string | null, Record<string, string> | null];
  return {
    leaseId,
    ownerId,
    ...(sessionId === null ? {} : { sessionId }),
    fencingToken,
    ...(metadata === null ? {} : { metadata }),
    acquiredAtMs: acquiredUs / 1_000,
    expiresAtMs: expiresUs / 1_000,
  };
}

export type EncodedState = readonly [
  keyHex: string,
  mode: number,
  permits: number,
  token: number | null,
  waiting: number,
  holders: readonly EncodedHolder[],
];

export function decodeState([keyHex, mode, permits, token, waiting, holders]: EncodedState): LockState {
  return {
    key: Buffer.from(keyHex, 'hex').toString('utf8'),
    mode: modes[mode] as LockMode,
    permits,
    holders: holders.map(decodeHolder),
    waiting,
    fencingToken: token ?? 0,
  };
}

/** Replies of `lock_batch_v1`. */
export type AcquireTuple =
  | readonly [1, fencingToken: number, lastToken: number, slot: number | null]
  | readonly [0, holders: readonly EncodedHolder[], retryUs: number | null, queuedNow: 0 | 1];
export type ExtendTuple = readonly [1] | readonly [0, LockLostReason];
export type ReleaseTuple = readonly [
  found: 0 | 1,
  expired: 0 | 1,
  evicted: LockLostReason | null,
  unlocked: 0 | 1 | null,
];
