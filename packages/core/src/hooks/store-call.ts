import { isStoreError } from '../errors.js';
import type { Emitter } from './emitter.js';
import type { StoreCallEvent } from './events.js';

/** Emits `onStoreCall` for a call that failed with `error`, or that was answered. */
export function emitStoreCall(
  emitter: Emitter,
  store: string,
  operation: StoreCallEvent['operation'],
  items: number,
  durationMs: number,
  error?: unknown,
): void {
  if (!emitter.wants('onStoreCall')) return;
  const failed = error !== undefined;
  emitter.emit('onStoreCall', {
    store,
    operation,
    outcome: failed ? 'error' : 'ok',
    durationMs,
    items,
    ...(failed && { errorKind: isStoreError(error) ? error.kind : 'other' }),
  });
}
