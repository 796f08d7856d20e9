import type { Clock } from '../clock.js';
import { Deadlines } from '../deadlines.js';
import type { Emitter } from '../hooks/emitter.js';
import { emitStoreCall } from '../hooks/store-call.js';
import type { Settings } from './settings.js';
import type { LeaseRef, LockStore, ReleaseRequest, StoreCallOptions } from './contract.js';
import { StoreCall } from './store-call.js';
import type { Operation } from './store-call.js';

/** Longest time for putting right what an abandoned call may have left behind, milliseconds. */
const cleanUpMs = 1_000;

/** Every call that core makes to a lock store: limited in time, counted, and with its late answers cared for. */
export class StoreCalls {
  readonly store: LockStore;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly #emitter: Emitter;
  /** When calls of the usual time limit end: one timer for all of them. */
  readonly #deadlines: Deadlines;
  readonly #cleaning = new Set<Promise<unknown>>();

  constructor({ store, clock, emitter, timeoutMs }: Settings) {
    this.store = store;
    this.timeoutMs = timeoutMs;
    this.clock = clock;
    this.#emitter = emitter;
    this.#deadlines = new Deadlines(clock, timeoutMs);
  }

  /** Starts a call that fails with {@link StoreTimeoutError} after `timeoutMs`; `late` gets an answer that came after that. */
  start<T>(
    operation: Operation,
    items: number,
    timeoutMs: number,
    call: (options: Required<StoreCallOptions>) => Promise<T>,
    late?: (value: T) => void,
    counted = true,
  ): StoreCall<T> {
    const nowMs = this.clock.monotonicMs();
    const made = new StoreCall<T>(this, operation, items, timeoutMs, nowMs, late, counted);
    if (timeoutMs === this.timeoutMs) {
      this.#deadlines.add(made, nowMs);
    } else {
      made.timer = this.clock.setTimer(() => made.expire(), timeoutMs);
      // Waiting for a store guards no lease, so it keeps no process alive.
      made.timer.unref();
    }
    made.follow(invoke(call, made));
    return made;
  }

  /** Takes the call's time limit away. */
  unlimit<T>(call: StoreCall<T>): void {
    if (call.timer) return call.timer.clear();
    this.#deadlines.remove(call);
    this.#deadlines.stop();
  }

  /** Makes a call within the configured `timeoutMs`. */
  run<T>(operation: Operation, items: number, call: (options: Required<StoreCallOptions>) => Promise<T>): Promise<T> {
    return this.start(operation, items, this.timeoutMs, call).answer;
  }

  /** Counts one call to the store. */
  report(operation: Operation, items: number, durationMs: number, failure?: { readonly error: unknown }): void {
    emitStoreCall(this.#emitter, this.store.name, operation, items, durationMs, failure && (failure.error ?? failure));
  }

  /** Frees, in the background, whatever an attempt whose answer nobody will see may have left: a queued waiter or a lease. */
  cancel(waiter: LeaseRef): void {
    void this.#cleanUp('cancel_wait', (options) => this.store.cancelWait(waiter, options));
  }

  /** Releases, in the background, a lease that nobody holds any more. */
  discard(lease: ReleaseRequest): void {
    void this.#cleanUp('release', (options) => this.store.release([lease], options));
  }

  /** Resolves when nothing is being cleaned up. */
  async idle(): Promise<void> {
    while (this.#cleaning.size > 0) await Promise.allSettled(this.#cleaning);
  }

  /** A failure is reported as a store call; what it leaves ends with its ttl. */
  async #cleanUp(operation: Operation, call: (options: StoreCallOptions) => Promise<unknown>): Promise<void> {
    const { answer } = this.start(operation, 1, Math.min(this.timeoutMs, cleanUpMs), call);
    this.#cleaning.add(answer);
    await Promise.allSettled([answer]);
    this.#cleaning.delete(answer);
  }
}

/** A store that throws instead of rejecting is the same failure. */
function invoke<T>(call: (options: StoreCall<T>) => Promise<T>, options: StoreCall<T>): Promise<T> {
  try {
    return Promise.resolve(call(options));
  } catch (error) {
    return Promise.reject(error as Error);
  }
}
