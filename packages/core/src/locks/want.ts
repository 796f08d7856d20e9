import { UnsupportedError } from '../errors.js';
import { checkKey, isWellFormed, joinKey } from '../keys.js';
import { booleanOption, durationMs, integerIn, invalid, oneOf, optionsObject } from '../validate.js';
import type { OptionNames } from '../validate.js';
import type { AcquireOptions } from './api.js';
import type { AcquireRequest, LeaseRef, LockMode } from './contract.js';
import { checkDrift, checkOwner, minTtlMs } from './settings.js';
import type { Settings } from './settings.js';

/** One list for all that take locks: who keeps options of `acquire` may pass them to `tryAcquire`, which does not wait. */
const acquireOptions: OptionNames<AcquireOptions> = {
  ttlMs: 0,
  mode: 0,
  permits: 0,
  sessionId: 0,
  metadata: 0,
  renew: 0,
  ownerId: 0,
  signal: 0,
  waitMs: 0,
};
const modes: readonly LockMode[] = ['exclusive', 'shared', 'permit'];
const defaultWaitMs = 10_000;
const maxPermits = 10_000;
const maxMetadataPairs = 16;
const maxMetadataBytes = 2_048;

/** What one call wants of a lock: its options, checked and resolved. */
export interface Want {
  /** The key as the caller knows it, and as the store does. */
  readonly key: string;
  readonly storeKey: string;
  readonly mode: LockMode;
  readonly permits: number;
  readonly ttlMs: number;
  readonly renew: boolean;
  readonly ownerId: string;
  readonly sessionId: string | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal | undefined;
  readonly waitMs: number;
}

/** Checks a key and the options of taking it; throws {@link InvalidArgumentError} or {@link UnsupportedError} before any store is touched. */
export function resolveWant(settings: Settings, key: string, options: AcquireOptions): Want {
  checkKey('key', key);
  optionsObject('options', options, acquireOptions);
  const mode = oneOf('mode', options.mode ?? 'exclusive', modes);
  const ttlMs = durationMs('ttlMs', options.ttlMs ?? settings.ttlMs, minTtlMs);
  checkDrift(ttlMs, settings.driftMs);
  const { signal, sessionId, metadata } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('signal', 'an AbortSignal', signal);
  const want: Want = {
    key,
    storeKey: joinKey(settings.name, key),
    mode,
    permits: permitsOf(mode, options.permits),
    ttlMs,
    renew: booleanOption('renew', options.renew ?? settings.renew),
    ownerId: options.ownerId === undefined ? settings.ownerId : checkOwner('ownerId', options.ownerId),
    sessionId: sessionId === undefined ? undefined : checkKey('sessionId', sessionId),
    metadata: metadata === undefined ? undefined : checkMetadata('metadata', metadata),
    signal,
    waitMs: durationMs('waitMs', options.waitMs ?? defaultWaitMs, 0),
  };
  const { capabilities, name } = settings.store;
  if (mode === 'shared' && !capabilities.shared) throw new UnsupportedError(`Store ${name} has no shared locks`);
  if (mode === 'permit' && !capabilities.permits) throw new UnsupportedError(`Store ${name} has no permits`);
  return want;
}

function permitsOf(mode: LockMode, permits: unknown): number {
  if (mode === 'permit') return integerIn('permits', permits, 1, maxPermits);
  if (permits !== undefined) throw invalid('permits', "absent unless `mode` is 'permit'", permits);
  return 1;
}

/** Returns a frozen copy of `value` when it is up to 16 pairs of well-formed strings, 2,048 bytes of UTF-8 in all. */
export function checkMetadata(name: string, value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(name, 'an object', value);
  const entries = Object.entries(value);
  if (entries.length > maxMetadataPairs) throw invalid(name, `at most ${maxMetadataPairs} pairs`, value);
  let bytes = 0;
  for (const [field, text] of entries) {
    if (typeof text !== 'string' || !isWellFormed(text))
      throw invalid(`${name}.${field}`, 'a well-formed string', text);
    if (!isWellFormed(field)) throw invalid(name, 'an object with well-formed names', value);
    bytes += Buffer.byteLength(field) + Buffer.byteLength(text);
  }
  if (bytes > maxMetadataBytes) throw invalid(name, `at most ${maxMetadataBytes} bytes in all`, `${bytes} bytes`);
  return Object.freeze(Object.fromEntries(entries));
}

/** One attempt to get what a call wants. */
export interface Attempt {
  readonly want: Want;
  readonly leaseId: string;
}

/** Names the lease that an attempt may have got. */
export function refOf({ want, leaseId }: Attempt): LeaseRef {
  return { key: want.storeKey, leaseId, mode: want.mode };
}

/** The request of an attempt, as the store sees it. */
export function requestOf(
  settings: Settings,
  { want, leaseId }: Attempt,
  extra?: Pick<AcquireRequest, 'tokens' | 'waiter'>,
): AcquireRequest {
  const { storeKey: key, mode, ownerId, sessionId, metadata, permits, ttlMs } = want;
  return {
    key,
    leaseId,
    mode,
    ownerId,
    ...(sessionId && { sessionId: joinKey(settings.name, sessionId) }),
    ...(metadata && { metadata }),
    permits,
    ttlMs,
    ...extra,
  };
}
