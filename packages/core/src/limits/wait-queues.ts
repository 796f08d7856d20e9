import { QueueFullError } from '../errors.js';
import { abortListeners } from '../on-abort.js';
import type { Clock, ClockTimer } from '../clock.js';
import type { Decision } from './api.js';

/** One `wait`: how to ask, and how long to go on. It stands in its key's queue itself. */
export interface Waiting {
  readonly attempt: () => Promise<Decision>;
  readonly maxWaitMs: number;
  readonly signal: AbortSignal | undefined;
  /** Ends the rest it takes, if it takes one. */
  stir?: () => void;
}

/** Rests between attempts while the store is away and `onStoreFailure` is `closed`, which may be retried at once. */
const closedPauseMs = 100;

/** The waiters of one key. Only the first asks; the others wait for their turn. */
class WaitQueue {
  readonly waiters = new Set<Waiting>();
  /** The refusal the first waiter waits out. */
  denial: Decision | undefined;
}

/** Waiters per key, first come first served within this process. */
export class WaitQueues {
  readonly #clock: Clock;
  readonly #maxQueue: number;
  readonly #queues = new Map<string, WaitQueue>();
  #waiting = 0;
  #closed: Error | undefined;

  constructor(clock: Clock, maxQueue: number) {
    this.#clock = clock;
    this.#maxQueue = maxQueue;
  }

  /**
   * Resolves when `attempt` is allowed, or with the last denial when the time cannot suffice or has passed. Rejects with {@link QueueFullError} when too many
   * wait already, whatever their keys.
   */
  async wait(key: string, waiting: Waiting): Promise<Decision> {
    const maxQueue = this.#maxQueue;
    if (this.#waiting >= maxQueue)
      throw new QueueFullError(`More than ${maxQueue} calls wait for their turn`, { maxQueue });
    this.#waiting++;
    let queue = this.#queues.get(key);
    if (!queue) {
      queue = new WaitQueue();
      this.#queues.set(key, queue);
    }
    queue.waiters.add(waiting);
    try {
      return await this.#inTurn(queue, waiting);
    } finally {
      this.#waiting--;
      const wasFirst = firstOf(queue) === waiting;
      queue.waiters.delete(waiting);
      if (queue.waiters.size === 0) this.#queues.delete(key);
      // Whoever leaves from further behind changes nothing for the first, which would ask the store before its time.
      else if (wasFirst) firstOf(queue)?.stir?.();
    }
  }

  /** Lets the first waiter of a key ask again: units came back. */
  nudge(key: string): void {
    const queue = this.#queues.get(key);
    if (queue) firstOf(queue)?.stir?.();
  }

  /** Ends every wait with `error`. */
  close(error: Error): void {
    this.#closed = error;
    for (const queue of this.#queues.values()) for (const { stir } of queue.waiters) stir?.();
  }

  async #inTurn(queue: WaitQueue, waiting: Waiting): Promise<Decision> {
    const { attempt, maxWaitMs } = waiting;
    const endMs = this.#clock.monotonicMs() + maxWaitMs;
    for (;;) {
      const leftMs = endMs - this.#clock.monotonicMs();
      if (firstOf(queue) !== waiting) {
        if (leftMs <= 0 && queue.denial) return queue.denial;
        if (leftMs > 0) {
          await this.#rest(waiting, leftMs, false);
          continue;
        }
      }
      const decision = await attempt();
      // That one cost never fits says nothing of the costs behind it.
      queue.denial = decision.allowed || decision.reason === 'capacity' ? undefined : decision;
      if (decision.allowed) return decision;
      const pauseMs = Math.max(decision.retryAfterMs, decision.reason === 'closed' ? closedPauseMs : 0);
      if (pauseMs > endMs - this.#clock.monotonicMs()) return decision;
      await this.#rest(waiting, Math.max(1, Math.ceil(pauseMs)), true);
    }
  }

  /** Sleeps until the time is over, somebody stirs, or the signal aborts (which throws). A waiter's own sleep is work, and keeps the process alive. */
  #rest(waiting: Waiting, ms: number, keepsAlive: boolean): Promise<void> {
    const { signal } = waiting;
    return new Promise((resolve, reject) => {
      let timer: ClockTimer | undefined;
      const end = (): void => {
        timer?.clear();
        abortListeners(signal)?.delete(listener);
        if (this.#closed) reject(this.#closed);
        else if (signal?.aborted) reject(signal.reason);
        else resolve();
      };
      const listener = { handleEvent: end };
      if (this.#closed || signal?.aborted) return end();
      timer = this.#clock.setTimer(end, ms);
      if (!keepsAlive) timer.unref();
      abortListeners(signal)?.add(listener);
      waiting.stir = end;
    });
  }
}

function firstOf(queue: WaitQueue): Waiting | undefined {
  return queue.waiters.values().next().value;
}
