import { HeadgateError, StoreError } from '../errors.js';
import type { HeadgateErrorCode } from '../errors.js';

const storeCodes: ReadonlySet<HeadgateErrorCode> = new Set([
  'HEADGATE_STORE',
  'HEADGATE_STORE_TIMEOUT',
  'HEADGATE_STORE_CONTENDED',
  'HEADGATE_STORE_FULL',
  'HEADGATE_RECORD_VERSION',
]);

/** Whether `error` is a store's failure to answer; by code, since a tree may hold two copies of this package. */
export function isStoreError(error: unknown): error is StoreError {
  return error instanceof Error && storeCodes.has((error as HeadgateError).code);
}

/** What a store threw as a {@link StoreError}: itself when it is one, otherwise wrapped as its cause. */
export function asStoreError(error: unknown, store: string): StoreError {
  if (isStoreError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError(`The store failed: ${message}`, { store, kind: 'other', cause: error });
}

/** Whether an error says that the store itself is away or ailing, rather than that it answered "not this one": only the former opens a breaker. */
export function isOutage(error: StoreError): boolean {
  return error.kind !== 'contended' && error.kind !== 'full' && error.code !== 'HEADGATE_RECORD_VERSION';
}
