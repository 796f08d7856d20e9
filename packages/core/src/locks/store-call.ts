import type { ClockTimer } from '../clock.js';
import { Expirable } from '../deadlines.js';
import { storeTimeout } from '../errors.js';
import type { StoreCallEvent } from '../hooks/events.js';
import type { StoreCallOptions } from './contract.js';
import type { StoreCalls } from './store-calls.js';

export type Operation = StoreCallEvent['operation'];

/**
 * A call on its way: its answer, and how to stop waiting for it. It is its own options for the store, whose signal is made when the store first looks
 * at it: most never do, and a signal costs more than the rest of the call.
 */
export class StoreCall<T> extends Expirable implements StoreCallOptions {
  readonly answer: Promise<T>;
  /** A timer of its own, for a time limit that is not the usual one. */
  timer: ClockTimer | undefined;
  readonly #calls: StoreCalls;
  readonly #operation: Operation;
  readonly #items: number;
  readonly #counted: boolean;
  readonly #startedMs: number;
  readonly #timeoutMs: number;
  readonly #late: ((value: T) => void) | undefined;
  #resolve!: (value: T) => void;
  #reject!: (reason: unknown) => void;
  /** Somebody waits for the answer; and the call was counted. */
  #open = true;
  #ended = false;
  #controller: AbortController | undefined;

  /** `late` gets an answer that came when nobody waited any more. */
  constructor(
    calls: StoreCalls,
    operation: Operation,
    items: number,
    timeoutMs: number,
    startedMs: number,
    late: ((value: T) => void) | undefined,
    counted: boolean,
  ) {
    super();
    this.#calls = calls;
    this.#operation = operation;
    this.#items = items;
    this.#timeoutMs = timeoutMs;
    this.#startedMs = startedMs;
    this.#late = late;
    this.#counted = counted;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  follow(reply: Promise<T>): void {
    reply.then(
      (value) => {
        this.#end();
        const wanted = this.#open;
        this.#open = false;
        if (wanted) this.#resolve(value);
        else this.#late?.(value);
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** The time limit has passed. */
  expire(): void {
    const timeoutMs = this.#timeoutMs;
    const failing = `did not answer ${this.#operation} within ${timeoutMs} ms`;
    this.#fail(storeTimeout(this.#calls.store.name, timeoutMs, failing));
  }

  /** Rejects `answer` with `reason` and aborts the store's signal; what the store answers later goes to `late`. */
  abandon(reason: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    this.#calls.unlimit(this);
    this.#reject(reason);
    (this.#controller ??= new AbortController()).abort(reason);
  }

  #fail(error: unknown): void {
    this.#end({ error });
    this.abandon(error);
  }

  /** Counts the call, once: abandoned ones when the store answers after all. */
  #end(failure?: { readonly error: unknown }): void {
    if (this.#ended) return;
    this.#ended = true;
    const calls = this.#calls;
    calls.unlimit(this);
    if (this.#counted) {
      calls.report(this.#operation, this.#items, calls.clock.monotonicMs() - this.#startedMs, failure);
    }
  }
}
