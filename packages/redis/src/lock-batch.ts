import { StoreError } from '@headgate/core';
import { toStepError } from './store-error.js';
import type { LockOp, LockOpReply } from './lock-codec.js';

/** Sends one batch: record keys and the operations on them. Resolves to one reply per operation. */
export type SendLockOps = (keys: readonly string[], ops: readonly LockOp[]) => Promise<readonly LockOpReply[]>;

/** One operation that waits to be sent. */
interface Pending {
  readonly keys: readonly string[];
  readonly op: LockOp;
  readonly resolve: (reply: LockOpReply) => void;
  readonly reject: (error: unknown) => void;
}

/** Most operations in one call: enough to share its cost, few enough that the server works on one call while we write the next. */
const maxOps = 32;

/**
 * Gathers the operations that are asked for in the same turn of the event loop and sends them together, per hash tag in a Cluster. An
 * operation that comes alone leaves at once.
 */
export class LockBatch {
  readonly #store: string;
  readonly #send: SendLockOps;
  readonly #laneOf: (key: string) => number;
  readonly #lanes = new Map<number, Pending[]>();

  constructor(store: string, laneOf: (key: string) => number, send: SendLockOps) {
    this.#store = store;
    this.#laneOf = laneOf;
    this.#send = send;
  }

  /** Runs one operation on `keys` (their records' names); `key` chooses the lane. Rejects with a `StoreError` or the signal's reason. */
  run(key: string, keys: readonly string[], op: LockOp, signal?: AbortSignal): Promise<LockOpReply> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    return new Promise<LockOpReply>((resolve, reject) => {
      const number = this.#laneOf(key);
      let lane = this.#lanes.get(number);
      if (!lane) {
        lane = [];
        this.#lanes.set(number, lane);
        process.nextTick(() => this.#flush(number));
      }
      const onAbort = signal && ((): void => reject(signal.reason as Error));
      if (onAbort) signal.addEventListener('abort', onAbort);
      lane.push({
        keys,
        op,
        resolve: (reply) => {
          if (onAbort) signal.removeEventListener('abort', onAbort);
          if (reply[0] === -1) reject(toStepError(this.#store, String(reply[1]), key));
          else resolve(reply);
        },
        reject: (error) => {
          if (onAbort) signal.removeEventListener('abort', onAbort);
          reject(error as Error);
        },
      });
    });
  }

  #flush(number: number): void {
    const lane = this.#lanes.get(number) ?? [];
    this.#lanes.delete(number);
    for (let from = 0; from < lane.length; from += maxOps) void this.#sendTogether(lane.slice(from, from + maxOps));
  }

  async #sendTogether(pending: readonly Pending[]): Promise<void> {
    try {
      const keys = pending.flatMap((each) => each.keys);
      const replies = await this.#send(
        keys,
        pending.map(({ op }) => op),
      );
      pending.forEach(({ resolve, reject }, i) => {
        const reply = replies[i];
        if (reply) resolve(reply);
        else reject(new StoreError('Redis left an operation unanswered', { store: this.#store, kind: 'script' }));
      });
    } catch (error) {
      for (const { reject } of pending) reject(error);
    }
  }
}
