import { checkLockHistory, type LockHistoryOptions } from '../../src/locks/history/check.js';
import type {
  LockHistoryRule,
  LockOperation,
  RecordedAcquire,
  RecordedExtend,
  RecordedRelease,
  RecordedWrite,
} from '../../src/locks/history/operation.js';

/** From when an operation was sent until it was answered. */
export type Span = readonly [invokeMs: number, returnMs: number];

/** When and by whom an operation on key `k` was recorded. */
export const at = (
  [invokeMs, returnMs]: Span,
  client: string,
): Pick<LockOperation, 'client' | 'key' | 'invokeMs' | 'returnMs'> => ({
  client,
  key: 'k',
  invokeMs,
  returnMs,
});
/** A lock that was granted. */
export const got = (
  client: string,
  span: Span,
  token: number,
  more: Partial<RecordedAcquire> = {},
): RecordedAcquire => ({
  op: 'acquire',
  outcome: 'acquired',
  token,
  ...at(span, client),
  ...more,
});
/** A try that was refused. */
export const refused = (client: string, span: Span): RecordedAcquire => ({
  op: 'acquire',
  outcome: 'refused',
  ...at(span, client),
});
/** A release that was acknowledged. */
export const released = (client: string, span: Span, token: number): RecordedRelease => ({
  op: 'release',
  outcome: 'ok',
  token,
  ...at(span, client),
});
/** An extension that was acknowledged. */
export const extended = (client: string, span: Span, token: number, leaseEndMs: number): RecordedExtend => ({
  op: 'extend',
  outcome: 'ok',
  token,
  leaseEndMs,
  ...at(span, client),
});
/** A write under a token. */
export const wrote = (
  client: string,
  span: Span,
  token: number,
  outcome: RecordedWrite['outcome'] = 'accepted',
): RecordedWrite => ({
  op: 'write',
  outcome,
  token,
  ...at(span, client),
});
/** A forced release. */
export const forced = (span: Span, token: number): LockOperation => ({ op: 'force', token, ...at(span, 'operator') });

/** The rules that a history breaks, each once. */
export const rulesBroken = (history: readonly LockOperation[], options?: LockHistoryOptions): LockHistoryRule[] => [
  ...new Set(checkLockHistory(history, options).map((violation) => violation.rule)),
];
