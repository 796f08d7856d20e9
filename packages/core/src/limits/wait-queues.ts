import type { Clock, ClockTimer } from '../clock.js';
import type { Decision } from './api.js';

/** One `wait`: how to ask, and how long to go on. */
export interface Waiting {
  readonly attempt: () => Promise<Decision>;
  readonly maxWaitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Rests between attempts while the store is away and `onStoreFailure` is `closed`, which may be retried at once. */
const closedPauseMs = 100;

/** The waiters of one key. Only the first asks; the others wait for their turn. */
class WaitQueue {
  readonly waiters = new Set<() => void>();
  /** The refusal the first waiter waits out. */
  denial: Decision | undefined;
}

/** Waiters per key, first come first served within this process. */
export class WaitQueues {
  readonly #clock: Clock;
  readonly #queues = new Map<string, WaitQueue>();
  #closed: Error | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when `attempt` is allowed, or with the last denial when the time cannot suffice or has passed. */
  async wait(key: string, waiting: Waiting): Promise<Decision> {
    let queue = this.#queues.get(key);
    if (!queue) {
      queue = new WaitQueue();
      this.#queues.set(key, queue);
    }
    let wake: (() => void) | undefined;
    const place = (): void => wake?.();
    const rest = (ms: number, keepsAlive: boolean): Promise<void> =>
      this.#rest(ms, keepsAlive, waiting.signal, (stir) => {
        wake = stir;
      });
    queue.waiters.add(place);
    try {
      return await this.#inTurn(queue, place, waiting, rest);
    } finally {
      queue.waiters.delete(place);
      if (queue.waiters.size === 0) this.#queues.delete(key);
      else this.#stir(queue);
    }
  }

  /** Lets the first waiter of a key ask again: units came back. */
  nudge(key: string): void {
    const queue = this.#queues.get(key);
    if (queue) this.#stir(queue);
  }

  /** Ends every wait with `error`. */
  close(error: Error): void {
    this.#closed = error;
    for (const queue of this.#queues.values()) for (const wake of queue.waiters) wake();
  }

  async #inTurn(
    queue: WaitQueue,
    place: () => void,
    { attempt, maxWaitMs }: Waiting,
    rest: (ms: number, keepsAlive: boolean) => Promise<void>,
  ): Promise<Decision> {
    const endMs = this.#clock.monotonicMs() + maxWaitMs;
    for (;;) {
      const leftMs = endMs - this.#clock.monotonicMs();
      if (queue.waiters.values().next().value !== place) {
        if (leftMs <= 0 && queue.denial) return queue.denial;
        if (leftMs > 0) {
          await rest(leftMs, false);
          continue;
        }
      }
      const decision = await attempt();
      queue.denial = decision.allowed ? undefined : decision;
      if (decision.allowed) return decision;
      const pauseMs = Math.max(decision.retryAfterMs, decision.reason === 'closed' ? closedPauseMs : 0);
      if (pauseMs > endMs - this.#clock.monotonicMs()) return decision;
      await rest(Math.max(1, Math.ceil(pauseMs)), true);
    }
  }

  #stir(queue: WaitQueue): void {
    queue.waiters.values().next().value?.();
  }

  /** Sleeps until the time is over, somebody stirs, or the signal aborts (which throws). A waiter's own sleep is work, and keeps the process alive. */
  #rest(
    ms: number,
    keepsAlive: boolean,
    signal: AbortSignal | undefined,
    onStir: (stir: () => void) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: ClockTimer | undefined;
      const end = (): void => {
        timer?.clear();
        signal?.removeEventListener('abort', end);
        if (this.#closed) reject(this.#closed);
        else if (signal?.aborted) reject(signal.reason);
        else resolve();
      };
      if (this.#closed || signal?.aborted) return end();
      timer = this.#clock.setTimer(end, ms);
      if (!keepsAlive) timer.unref();
      signal?.addEventListener('abort', end);
      onStir(end);
    });
  }
}
