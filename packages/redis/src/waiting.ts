import type { Client } from './client.js';

/** `promise`, or a rejection with the signal's reason as soon as it aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

type Connectable = Pick<Client, 'status' | 'connect' | 'on' | 'off'>;

/**
 * Resolves when `client` is ready, connecting it if nobody has; rejects when this attempt to connect fails. Listens to events, because the promise
 * of a Cluster's `connect` stays open for ever when its ready check fails once.
 */
export async function connected(client: Connectable): Promise<void> {
  if (client.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const end = (): void => {
      client.off('ready', onReady);
      client.off('close', onClose);
    };
    const onReady = (): void => {
      end();
      resolve();
    };
    const fail = (error: unknown): void => {
      end();
      reject(error as Error);
    };
    const onClose = (): void => fail(new Error('Connection is closed.'));
    client.on('ready', onReady);
    client.on('close', onClose);
    if (client.status === 'wait' || client.status === 'end') client.connect().then(onReady, fail);
  });
}
