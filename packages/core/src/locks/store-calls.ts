import type { Clock } from '../clock.js';
import { HeadgateError, StoreTimeoutError } from '../errors.js';
import type { StoreError, StoreErrorKind } from '../errors.js';
import type { Emitter } from '../hooks/emitter.js';
import type { StoreCallEvent } from '../hooks/events.js';
import type { LeaseRef, LockStore, StoreCallOptions } from './contract.js';

type Operation = StoreCallEvent['operation'];

/** A call on its way: its answer, and how to stop waiting for it. */
export interface StoreCall<T> {
  readonly answer: Promise<T>;
  /** Rejects `answer` with `reason` and aborts the store's signal; what the store answers later goes to `late`. */
  abandon(reason: unknown): void;
}

/** Longest time for putting right what an abandoned call may have left behind, milliseconds. */
const cleanUpMs = 1_000;

/** Whether the store failed to answer, by its code: a tree may hold two copies of this package. */
export function isStoreError(error: unknown): error is StoreError {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && (code.startsWith('HEADGATE_STORE') || code === 'HEADGATE_RECORD_VERSION');
}

/** Every call that core makes to a lock store: limited in time, counted, and with its late answers cared for. */
export class StoreCalls {
  readonly store: LockStore;
  readonly timeoutMs: number;
  readonly #clock: Clock;
  readonly #emitter: Emitter;
  readonly #cleaning = new Set<Promise<unknown>>();

  constructor(store: LockStore, clock: Clock, emitter: Emitter, timeoutMs: number) {
    this.store = store;
    this.timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#emitter = emitter;
  }

  /** Starts a call that fails with {@link StoreTimeoutError} after `timeoutMs`; `late` gets an answer that came after that. */
  start<T>(
    operation: Operation,
    items: number,
    timeoutMs: number,
    call: (options: StoreCallOptions) => Promise<T>,
    late?: (value: T) => void,
    counted = true,
  ): StoreCall<T> {
    const startedMs = this.#clock.monotonicMs();
    const options = new CallOptions();
    let open = true;
    let reported = !counted;
    let giveUp: (reason: unknown) => void = () => {};
    const report = (failure?: { readonly error: unknown }): void => {
      if (!reported) this.report(operation, items, this.#clock.monotonicMs() - startedMs, failure);
      reported = true;
    };
    const answer = new Promise<T>((resolve, reject) => {
      giveUp = (reason) => {
        if (!open) return;
        open = false;
        timer.clear();
        reject(reason);
        options.abort(reason);
      };
      const timer = this.#clock.setTimer(() => {
        const error = new StoreTimeoutError(
          `Store ${this.store.name} did not answer ${operation} within ${timeoutMs} ms`,
          { store: this.store.name, timeoutMs },
        );
        report({ error });
        giveUp(error);
      }, timeoutMs);
      // Waiting for a store guards no lease, so it keeps no process alive.
      timer.unref();
      invoke(() => call(options)).then(
        (value) => {
          report();
          timer.clear();
          if (open) resolve(value);
          else late?.(value);
          open = false;
        },
        (error: unknown) => {
          report({ error });
          giveUp(error);
        },
      );
    });
    return { answer, abandon: giveUp };
  }

  /** Makes a call within the configured `timeoutMs`. */
  run<T>(operation: Operation, items: number, call: (options: StoreCallOptions) => Promise<T>): Promise<T> {
    return this.start(operation, items, this.timeoutMs, call).answer;
  }

  /** The same for one step of a longer call, which is counted by whoever makes it. */
  limit<T>(operation: Operation, call: (options: StoreCallOptions) => Promise<T>): Promise<T> {
    return this.start(operation, 1, this.timeoutMs, call, undefined, false).answer;
  }

  /** Counts one call to the store. */
  report(operation: Operation, items: number, durationMs: number, failure?: { readonly error: unknown }): void {
    if (!this.#emitter.wants('onStoreCall')) return;
    const store = this.store.name;
    this.#emitter.emit(
      'onStoreCall',
      failure
        ? { store, operation, outcome: 'error', durationMs, items, errorKind: kindOf(failure.error) }
        : { store, operation, outcome: 'ok', durationMs, items },
    );
  }

  /** Frees, in the background, whatever an attempt whose answer nobody will see may have left: a queued waiter or a lease. */
  cancel({ key, leaseId, mode }: LeaseRef): void {
    this.#cleanUp('cancel_wait', (options) => this.store.cancelWait({ key, leaseId, mode }, options));
  }

  /** Releases, in the background, a lease that nobody holds any more. */
  discard({ key, leaseId, mode }: LeaseRef, fencingToken: number): void {
    this.#cleanUp('release', (options) => this.store.release([{ key, leaseId, mode, fencingToken }], options));
  }

  /** Resolves when nothing is being cleaned up. */
  async idle(): Promise<void> {
    while (this.#cleaning.size > 0) await Promise.allSettled(this.#cleaning);
  }

  #cleanUp(operation: Operation, call: (options: StoreCallOptions) => Promise<unknown>): void {
    void this.#settle(this.start(operation, 1, Math.min(this.timeoutMs, cleanUpMs), call).answer);
  }

  /** A failure was reported as a store call; what it leaves ends with its ttl. */
  async #settle(answer: Promise<unknown>): Promise<void> {
    this.#cleaning.add(answer);
    await Promise.allSettled([answer]);
    this.#cleaning.delete(answer);
  }
}

function kindOf(error: unknown): StoreErrorKind {
  return error instanceof HeadgateError || isStoreError(error) ? ((error as StoreError).kind ?? 'other') : 'other';
}

/** A store that throws instead of rejecting is the same failure. */
async function invoke<T>(call: () => Promise<T>): Promise<T> {
  return call();
}

/** Call options whose signal is made when the store first looks at it: most never do, and a signal costs more than a memory store's answer. */
class CallOptions implements StoreCallOptions {
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  abort(reason: unknown): void {
    (this.#controller ??= new AbortController()).abort(reason);
  }
}
