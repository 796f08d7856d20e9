import { StoreError } from '@headgate/core';
import { toStepError, wasSentAround } from './store-error.js';
import type { StoreCallOptions } from '@headgate/core';
import type { LockOp, LockOpReply } from './lock-codec.js';

/** Sends one batch: record keys and the operations on them. Resolves to one reply per operation. */
export type SendLockOps = (keys: readonly string[], ops: readonly LockOp[]) => Promise<readonly LockOpReply[]>;

/** Most operations in one call: enough to share its cost, few enough that the server works on one call while we write the next. */
const maxOps = 32;

/** How long a call may take before anybody looks at its signals, milliseconds: listening to a signal costs more than most calls do. */
const patienceMs = 20;

function keyOfRecord(record: string): string {
  return record.slice(record.indexOf('}:l:') + 4);
}

/** One operation on its way. */
class Pending<T> {
  readonly key: string;
  readonly keys: readonly string[];
  readonly op: LockOp;
  readonly promise: Promise<T>;
  readonly #decode: (reply: LockOpReply) => T;
  readonly #options: StoreCallOptions | undefined;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #stopListening: (() => void) | undefined;

  constructor(
    key: string,
    keys: readonly string[],
    op: LockOp,
    decode: (reply: LockOpReply) => T,
    options: StoreCallOptions | undefined,
  ) {
    this.key = key;
    this.keys = keys;
    this.op = op;
    this.#decode = decode;
    this.#options = options;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  answer(store: string, reply: LockOpReply | undefined): void {
    this.#stopListening?.();
    if (!reply) this.#reject(new StoreError('Redis left an operation unanswered', { store, kind: 'script' }));
    else if (reply[0] === -1) this.#reject(toStepError(store, String(reply[1]), ...this.keys.map(keyOfRecord)));
    else this.#resolve(this.#decode(reply));
  }

  fail(error: unknown): void {
    this.#stopListening?.();
    this.#reject(error);
  }

  /** From here on the operation ends when its signal aborts, or has aborted. */
  listen(): void {
    const signal = this.#options?.signal;
    if (!signal) return;
    const onAbort = (): void => this.#reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    this.#stopListening = () => signal.removeEventListener('abort', onAbort);
  }
}

/** Operations in one call, and whether it was there at the last look and is listening to its signals since. */
interface Group {
  readonly pending: readonly Pending<unknown>[];
  age: 'new' | 'seen' | 'heeded';
}

/**
 * Gathers the operations that are asked for in the same turn of the event loop and sends them together, per hash tag in a Cluster. An
 * operation that comes alone leaves at once.
 */
export class LockBatch {
  readonly #store: string;
  readonly #send: SendLockOps;
  readonly #laneOf: (key: string) => number;
  // Neither is a `Map` or `Set` whose entries come and go: V8 keeps what was in those until a full collection.
  readonly #lanes = new Map<number, { pending: Pending<unknown>[] }>();
  readonly #groups: Group[] = [];
  #look: NodeJS.Timeout | undefined;

  constructor(store: string, laneOf: (key: string) => number, send: SendLockOps) {
    this.#store = store;
    this.#laneOf = laneOf;
    this.#send = send;
  }

  /**
   * Runs one operation on `keys` (their records' names); `key` chooses the lane. Rejects with a `StoreError`, or with the reason of a signal that
   * aborts while the call takes longer than some 20 to 40 ms.
   */
  run<T>(
    key: string,
    keys: readonly string[],
    op: LockOp,
    decode: (reply: LockOpReply) => T,
    options?: StoreCallOptions,
  ): Promise<T> {
    const pending = new Pending(key, keys, op, decode, options);
    const number = this.#laneOf(key);
    let lane = this.#lanes.get(number);
    if (!lane) {
      lane = { pending: [] };
      this.#lanes.set(number, lane);
    }
    const gathered = lane.pending.push(pending as Pending<unknown>);
    if (gathered === 1) process.nextTick(() => this.#flush(lane));
    else if (gathered === maxOps) this.#flush(lane);
    return pending.promise;
  }

  #flush(lane: { pending: Pending<unknown>[] }): void {
    const { pending } = lane;
    lane.pending = [];
    if (pending.length > 0) void this.#sendTogether(pending);
  }

  async #sendTogether(pending: readonly Pending<unknown>[]): Promise<void> {
    const group: Group = { pending, age: 'new' };
    this.#groups.push(group);
    if (!this.#look) this.#look = setTimeout(() => this.#heedSignals(), patienceMs).unref();
    try {
      const keys: string[] = [];
      const ops: LockOp[] = [];
      for (const each of pending) {
        for (const key of each.keys) keys.push(key);
        ops.push(each.op);
      }
      const replies = await this.#send(keys, ops);
      for (let i = 0; i < pending.length; i++) (pending[i] as Pending<unknown>).answer(this.#store, replies[i]);
    } catch (error) {
      if (pending.length > 1 && wasSentAround(error)) for (const each of pending) void this.#sendTogether([each]);
      else for (const each of pending) each.fail(error);
    } finally {
      this.#groups.splice(this.#groups.indexOf(group), 1);
    }
  }

  /** Listens to the signals of calls that were there at the last look already. */
  #heedSignals(): void {
    this.#look = undefined;
    let again = false;
    for (const group of this.#groups) {
      if (group.age === 'seen') {
        for (const each of group.pending) each.listen();
        group.age = 'heeded';
      } else if (group.age === 'new') {
        group.age = 'seen';
        again = true;
      }
    }
    if (again) this.#look = setTimeout(() => this.#heedSignals(), patienceMs).unref();
  }
}
