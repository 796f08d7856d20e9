import { setMaxListeners } from 'node:events';
import { ServiceClock } from './service-clock.js';
import { asStoreError, changedNothing, givenUp, isFailedCondition, timedOut } from './store-error.js';
import type { ResolvedOptions } from './client.js';

/** What is learned of a request's attempts, since the SDK repeats it by itself. */
export interface Trace {
  /** An attempt failed in a way that may have taken effect: its reply was lost, or the service broke. */
  doubt: boolean;
}

/** How a command is sent. */
export interface SendOptions {
  /** Aborts when the caller has given up. */
  readonly signal?: AbortSignal | undefined;
  readonly trace?: Trace;
  /** How long the request goes on after that, milliseconds; default 0. */
  readonly graceMs?: number;
}

/** Any command of the SDK. */
export interface Command {
  readonly middlewareStack: unknown;
}

type Attempt = (args: unknown) => Promise<{ readonly response: unknown; readonly output: unknown }>;

/** The part of a command's middleware stack that is used here; the SDK's own type differs with the command. */
interface AttemptStack {
  add(middleware: (next: Attempt) => Attempt, options: { step: 'deserialize'; priority: 'high'; name: string }): void;
}

interface Reply {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends commands: each limited in time, its failures typed, and the `Date` of every reply taken in. */
export class Requests {
  readonly clock: ServiceClock;
  readonly #options: ResolvedOptions;
  #timeRequest: Promise<unknown> | undefined;
  #timeAsked = false;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.clock = new ServiceClock({ ...options, store: options.name });
  }

  /** Whether the service's time should be asked for before anything is decided by it. */
  get wantsTime(): boolean {
    return this.#options.clockSource === 'service' && !this.#timeAsked && !this.clock.known;
  }

  /** Makes the request that asks for the time once for all that wait for it; a service without a `Date` header is asked once. */
  async shareTimeRequest(ask: () => Promise<unknown>): Promise<void> {
    this.#timeRequest ??= ask()
      .then(() => (this.#timeAsked = true))
      .finally(() => (this.#timeRequest = undefined));
    await this.#timeRequest;
  }

  /**
   * Sends one command. Rejects with a `StoreError`, or with the SDK's own error for a failed condition and a cancelled transaction, which are answers.
   * `trace` learns whether an attempt before the last may have taken effect; `graceMs` is how long the request goes on after its caller gave up.
   */
  async send(command: Command, { signal, trace = { doubt: false }, graceMs = 0 }: SendOptions = {}): Promise<unknown> {
    const { timeoutMs, client } = this.#options;
    if (signal?.aborted) throw givenUp(this.#options.place, signal.reason);
    this.#watch(command, trace);
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, timeoutMs);
    timer.unref();
    let graceTimer: NodeJS.Timeout | undefined;
    const giveUp = (): void => {
      if (graceMs === 0) return stop();
      graceTimer = setTimeout(stop, graceMs);
      graceTimer.unref();
    };
    // One call asks for many keys, each with a request of its own that listens: Node would warn from the eleventh on.
    if (signal) setMaxListeners(0, signal);
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      return await client.send(command as never, { abortSignal: controller.signal });
    } catch (error) {
      if (isFailedCondition(error) || (error as Error).name === 'TransactionCanceledException') throw error;
      if (late) throw timedOut(this.#options.place, timeoutMs);
      if (signal?.aborted) throw givenUp(this.#options.place, signal.reason);
      throw asStoreError(error, this.#options.place);
    } finally {
      clearTimeout(timer);
      clearTimeout(graceTimer);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** On the command's own stack, so that the caller's client stays as it is; inside the SDK's retries, so that it sees every attempt. */
  #watch(command: Command, trace: Trace): void {
    const corrects = this.#options.clockSource === 'service';
    const observe = (reply: unknown, sentUs: number): void => {
      if (corrects) this.clock.observe((reply as Reply | undefined)?.headers?.date, sentUs);
    };
    (command.middlewareStack as AttemptStack).add(
      (next) => async (args) => {
        const sentUs = this.clock.ownUs();
        try {
          const result = await next(args);
          observe(result.response, sentUs);
          return result;
        } catch (error) {
          observe((error as { readonly $response?: unknown }).$response, sentUs);
          if (!changedNothing(error)) trace.doubt = true;
          throw error;
        }
      },
      { step: 'deserialize', priority: 'high', name: 'headgateAttempts' },
    );
  }
}
