import { isStoreError, StoreError } from '../errors.js';

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
