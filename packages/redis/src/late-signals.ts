/** Where a call finds its signal; core makes one only when it is looked at. */
export interface SignalHolder {
  readonly signal?: AbortSignal;
}

/** How long a call waits before anybody looks at its signal, milliseconds; twice that at most. */
const lookEveryMs = 5;

/**
 * Ends calls when their signals abort. A signal is looked at only when its call has been under way for a while, 10 ms at most: to make and watch one
 * costs as much as all the rest of a call that is answered at once, as nearly all are. So does taking such a call out of a list: it is passed over at the next look.
 */
export class LateSignals {
  #old: Call[] = [];
  #young: Call[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `promise`, or a rejection with the reason of the holder's signal when that aborts first. */
  watch<T>(promise: Promise<T>, holder: SignalHolder): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const call = new Call(holder, reject);
      this.#young.push(call);
      if (this.#timer === undefined) this.#timer = setTimeout(this.#look, lookEveryMs).unref();
      promise.then(
        (value) => {
          call.forget();
          resolve(value);
        },
        (error: unknown) => {
          call.forget();
          reject(error as Error);
        },
      );
    });
  }

  readonly #look = (): void => {
    for (const call of this.#old) call.listen();
    this.#old = this.#young;
    this.#young = [];
    this.#timer = this.#old.length === 0 ? undefined : setTimeout(this.#look, lookEveryMs).unref();
  };
}

class Call {
  #holder: SignalHolder | undefined;
  #end: ((reason: unknown) => void) | undefined;
  #signal: AbortSignal | undefined;

  constructor(holder: SignalHolder, end: (reason: unknown) => void) {
    this.#holder = holder;
    this.#end = end;
  }

  /** From here on the call ends when its signal aborts, or has aborted. */
  listen(): void {
    const signal = this.#holder?.signal;
    if (!signal) return;
    this.#signal = signal;
    if (signal.aborted) this.handleEvent();
    else signal.addEventListener('abort', this, { once: true });
  }

  handleEvent(): void {
    this.#end?.(this.#signal?.reason);
  }

  /** The call is over. */
  forget(): void {
    this.#signal?.removeEventListener('abort', this);
    this.#holder = undefined;
    this.#end = undefined;
  }
}
