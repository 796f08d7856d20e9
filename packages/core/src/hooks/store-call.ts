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
  const call = { store, operation, durationMs, items };
  if (error === undefined) emitter.emit('onStoreCall', { ...call, outcome: 'ok' });
  else
    emitter.emit('onStoreCall', { ...call, outcome: 'error', errorKind: isStoreError(error) ? error.kind : 'other' });
}
