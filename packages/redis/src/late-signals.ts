/** Where a call finds its signal; core makes one only when it is looked at. */
export interface SignalHolder {
  readonly signal?: AbortSignal;
}

/** A call whose signal nobody has looked at. */
interface Call {
  readonly holder: SignalHolder;
  readonly end: (reason: unknown) => void;
  isLate: boolean;
  signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

/** Calls younger than this are not looked at; those older than two of it have their signals watched. */
const lookEveryMs = 5;

/**
 * Ends calls when their signals abort. A signal is looked at only when its call has been under way for a while, 10 ms at most: to make and watch one
 * costs as much as all the rest of a call that is answered at once, as nearly all are.
 */
export class LateSignals {
  readonly #calls = new Set<Call>();
  #timer: NodeJS.Timeout | undefined;

  /** `promise`, or a rejection with the reason of the holder's signal when that aborts first. */
  watch<T>(promise: Promise<T>, holder: SignalHolder): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const call: Call = { holder, end: reject, isLate: false, signal: undefined, onAbort: undefined };
      this.#calls.add(call);
      if (this.#timer === undefined) this.#timer = setTimeout(this.#look, lookEveryMs).unref();
      promise.then(
        (value) => {
          this.#forget(call);
          resolve(value);
        },
        (error: unknown) => {
          this.#forget(call);
          reject(error as Error);
        },
      );
    });
  }

  readonly #look = (): void => {
    for (const call of this.#calls) {
      if (call.isLate) this.#listen(call);
      call.isLate = true;
    }
    this.#timer = this.#calls.size === 0 ? undefined : setTimeout(this.#look, lookEveryMs).unref();
  };

  #listen(call: Call): void {
    this.#calls.delete(call);
    const { signal } = call.holder;
    if (!signal) return;
    call.signal = signal;
    call.onAbort = () => call.end(signal.reason);
    if (signal.aborted) call.onAbort();
    else signal.addEventListener('abort', call.onAbort, { once: true });
  }

  #forget(call: Call): void {
    this.#calls.delete(call);
    if (call.onAbort) call.signal?.removeEventListener('abort', call.onAbort);
  }
}
