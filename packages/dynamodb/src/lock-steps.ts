import type {
  AcquireReply,
  AcquireRequest,
  ExtendReply,
  ExtendRequest,
  HolderInfo,
  LockLostReason,
  LockState,
  ReleaseReply,
  ReleaseRequest,
} from '@headgate/core';
import type { Evicted, Holder, LockRecord } from './lock-record.js';

/** How a record looks from here: the time, and what may be concluded from it. */
export interface View {
  readonly nowUs: number;
  readonly nowMs: number;
  /** How far the clock of whoever wrote the record may be from ours, milliseconds; `Infinity` when the clocks cannot be compared. */
  readonly skewMs: number;
  /** For how long the record has been seen unchanged, milliseconds of the monotonic clock. */
  readonly watchedMs: number;
}

/** What one operation comes to. Without `next` nothing is to be written. */
export interface Step<Reply> {
  readonly reply: Reply;
  readonly next?: LockRecord;
}

/** Evictions remembered per lock; older ones are told as `stolen` or `expired`. */
const maxEvicted = 50;

/** How long others wait for a lease: until it has ended by every clock within the skew, or until it was seen unchanged for longer than it lasts. */
function freeInMs({ expiresAtMs, ttlMs }: Holder, { nowMs, skewMs, watchedMs }: View): number {
  const byClockMs = expiresAtMs + skewMs - nowMs;
  // A thousandth, since monotonic clocks run at different speeds.
  const byWatchingMs = ttlMs + Math.ceil(ttlMs / 1000) + 1 - watchedMs;
  return Math.min(byClockMs, byWatchingMs);
}

/** Those who stand in others' way. */
function standing(record: LockRecord, view: View): readonly Holder[] {
  return record.holders.filter((holder) => freeInMs(holder, view) > 0);
}

/** One attempt: granted, or refused by those in the way. */
export function acquire(record: LockRecord, request: AcquireRequest, view: View): Step<AcquireReply> {
  const { leaseId, ttlMs } = request;
  const own = record.holders.find((holder) => holder.leaseId === leaseId && !isOver(holder, view));
  if (own) {
    const again = { ...own, expiresAtMs: view.nowMs + ttlMs, ttlMs };
    const next = written(record, view, { holders: replace(record.holders, again) });
    return { reply: { acquired: true, fencingToken: own.firstToken, lastToken: own.lastToken }, next };
  }
  const others = standing(record, view).filter((holder) => holder.leaseId !== leaseId);
  if (!admits(record, others, request)) return { reply: refusal(others, view) };
  const fencingToken = Math.max(record.lastToken + 1, view.nowUs);
  const lastToken = fencingToken + (request.tokens ?? 1) - 1;
  const holder: Holder = {
    leaseId,
    ownerId: request.ownerId,
    sessionId: request.sessionId,
    firstToken: fencingToken,
    lastToken,
    shownToken: fencingToken,
    acquiredAtMs: view.nowMs,
    expiresAtMs: view.nowMs + ttlMs,
    ttlMs,
    metadata: request.metadata,
  };
  const { mode, permits } = request;
  const next = written(record, view, { mode, permits, lastToken, holders: [...others, holder] });
  return { reply: { acquired: true, fencingToken, lastToken }, next };
}

function admits({ mode }: LockRecord, others: readonly Holder[], request: AcquireRequest): boolean {
  if (others.length === 0) return true;
  if (request.mode !== mode || mode === 'exclusive') return false;
  return mode === 'shared' || others.length < request.permits;
}

function refusal(others: readonly Holder[], view: View): AcquireReply {
  const retryAfterMs = Math.max(1, Math.min(...others.map((holder) => freeInMs(holder, view))));
  return { acquired: false, holders: others.map(toInfo), retryAfterMs };
}

/** Extends the leases that still hold; the replies are in the order of the requests. */
export function extend(
  record: LockRecord,
  requests: readonly ExtendRequest[],
  view: View,
): Step<readonly ExtendReply[]> {
  return touch<ExtendRequest, ExtendReply>(record, requests, view, {
    onHeld: (held, { ttlMs, holder }) => {
      if (isOver(held, view)) return { reply: { extended: false, reason: 'expired' } };
      const shown = holder && { ownerId: holder.ownerId, shownToken: holder.fencingToken, metadata: holder.metadata };
      return { reply: { extended: true }, kept: { ...held, ...shown, ttlMs, expiresAtMs: view.nowMs + ttlMs } };
    },
    onGone: (reason) => ({ extended: false, reason }),
  });
}

/** Releases the leases that still hold; the replies are in the order of the requests. */
export function release(
  record: LockRecord,
  requests: readonly ReleaseRequest[],
  view: View,
): Step<readonly ReleaseReply[]> {
  return touch<ReleaseRequest, ReleaseReply>(record, requests, view, {
    onHeld: (held) => ({ reply: isOver(held, view) ? { released: false, reason: 'expired' } : { released: true } }),
    onGone: (reason) => ({ released: false, reason }),
  });
}

/** What becomes of a lease that is there, and what is said of one that is not. */
interface Touching<Request, Reply> {
  onHeld(held: Holder, request: Request): { readonly reply: Reply; readonly kept?: Holder };
  onGone(reason: LockLostReason): Reply;
}

/**
 * Asks `onHeld` what becomes of each lease that is there, and keeps it as it says. One that has ended by its own holder's clock goes: nobody counts on it
 * any more, so others need not wait for every clock to agree.
 */
function touch<Request extends ExtendRequest | ReleaseRequest, Reply>(
  record: LockRecord,
  requests: readonly Request[],
  view: View,
  { onHeld, onGone }: Touching<Request, Reply>,
): Step<readonly Reply[]> {
  let { holders } = record;
  const reply = requests.map((request) => {
    const held = holders.find(
      ({ leaseId, firstToken }) => leaseId === request.leaseId && firstToken === request.fencingToken,
    );
    if (!held) return onGone(whyGone(record, request, view));
    const touched = onHeld(held, request);
    const { kept } = touched;
    holders = kept ? replace(holders, kept) : holders.filter((holder) => holder !== held);
    return touched.reply;
  });
  return holders === record.holders ? { reply } : { reply, next: written(record, view, { holders }) };
}

function isOver({ expiresAtMs }: Holder, { nowMs }: View): boolean {
  return expiresAtMs <= nowMs;
}

/** Takes back what an abandoned attempt may have been granted. */
export function cancel(record: LockRecord, leaseId: string, view: View): Step<undefined> {
  const holders = record.holders.filter((holder) => holder.leaseId !== leaseId);
  return holders.length === record.holders.length
    ? { reply: undefined }
    : { reply: undefined, next: written(record, view, { holders }) };
}

/** Evicts the holders that `isMeant` picks, and says who they were. */
export function evict(
  record: LockRecord,
  isMeant: (holder: Holder) => boolean,
  reason: LockLostReason,
  view: View,
): Step<readonly HolderInfo[]> {
  const evicted = record.holders.filter(isMeant);
  if (evicted.length === 0) return { reply: [] };
  const told = standing(record, view).filter(isMeant);
  const notes = evicted.map(({ leaseId, expiresAtMs }): Evicted => ({ leaseId, reason, forgetAtMs: expiresAtMs }));
  const next = written(record, view, {
    holders: record.holders.filter((holder) => !isMeant(holder)),
    evicted: [...record.evicted, ...notes].slice(-maxEvicted),
  });
  return { reply: told.map(toInfo), next };
}

/** Issues a token above all before it. */
export function issueToken(record: LockRecord, view: View): LockRecord {
  return written(record, view, { lastToken: Math.max(record.lastToken + 1, view.nowUs) });
}

/** The lock as others see it; `null` when nobody holds it. */
export function toState(key: string, record: LockRecord, view: View): LockState | null {
  const holders = standing(record, view).map(toInfo);
  if (holders.length === 0) return null;
  const { mode, permits, lastToken } = record;
  return { key, mode, permits, holders, waiting: 0, fencingToken: lastToken };
}

function whyGone(record: LockRecord, { leaseId }: ExtendRequest | ReleaseRequest, view: View): LockLostReason {
  const eviction = record.evicted.find((entry) => entry.leaseId === leaseId);
  if (eviction) return eviction.reason;
  return standing(record, view).some((holder) => holder.leaseId !== leaseId) ? 'stolen' : 'expired';
}

function written(record: LockRecord, { nowMs }: View, changes: Partial<LockRecord>): LockRecord {
  const next = { ...record, ...changes, writtenAtMs: nowMs };
  return { ...next, evicted: next.evicted.filter(({ forgetAtMs }) => forgetAtMs > nowMs) };
}

function replace(holders: readonly Holder[], holder: Holder): readonly Holder[] {
  return holders.map((other) => (other.leaseId === holder.leaseId ? holder : other));
}

function toInfo({ leaseId, ownerId, sessionId, shownToken, metadata, acquiredAtMs, expiresAtMs }: Holder): HolderInfo {
  return {
    leaseId,
    ownerId,
    ...(sessionId === undefined ? {} : { sessionId }),
    fencingToken: shownToken,
    ...(metadata === undefined ? {} : { metadata }),
    acquiredAtMs,
    expiresAtMs,
  };
}
