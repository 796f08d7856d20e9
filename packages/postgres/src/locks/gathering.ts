/** One operation for `lock_batch_v1`; `[1]` is the lock id. */
export type Operation = readonly [kind: 'a' | 'c' | 'e' | 'r', lockId: string, ...rest: readonly unknown[]];

/** An operation that waits for a statement. */
export interface Queued {
  /** Makes the operation as late as possible, when what came before it is known; `undefined` drops it. */
  readonly make: () => Operation | undefined;
  readonly lockId: string;
  /** Whether it may wait at the lock itself, should it leave alone. */
  readonly stands: boolean;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What one statement carries, in the order of lock ids: rows are locked in one order everywhere. */
export interface Batch {
  readonly entries: readonly { readonly item: Queued; readonly op: Operation }[];
  /** Every lock that it has to do with. */
  readonly lockIds: ReadonlySet<string>;
}

const largestBatch = 256;

/** Operations that have yet to leave. */
export class Gathering {
  /** What gives back or prolongs goes before what takes. */
  #urgent: Queued[] = [];
  #acquires: Queued[] = [];

  get size(): number {
    return this.#urgent.length + this.#acquires.length;
  }

  /** Whether there is a whole batch. */
  get full(): boolean {
    return this.size >= largestBatch;
  }

  add(item: Queued, acquires: boolean): void {
    (acquires ? this.#acquires : this.#urgent).push(item);
  }

  /** Takes a batch out; operations on locks of the batches `underWay` stay, since what becomes of those has to be known first. */
  next(underWay: ReadonlySet<Batch>): Batch {
    const entries: { item: Queued; op: Operation }[] = [];
    const lockIds = new Set<string>();
    const awaited = ({ lockId }: Queued): boolean => {
      for (const batch of underWay) if (batch.lockIds.has(lockId)) return true;
      return false;
    };
    const take = (item: Queued): void => {
      lockIds.add(item.lockId);
      const op = item.make();
      if (op) entries.push({ item, op });
      else item.resolve(undefined);
    };
    this.#urgent = this.#urgent.filter((item) => {
      const stays = entries.length >= largestBatch || awaited(item);
      if (!stays) take(item);
      return stays;
    });
    const acquired = new Set<string>();
    this.#acquires = this.#acquires.filter((item) => {
      // One attempt per lock and batch: the session would be granted the same lock twice, so the outcome of the first must be known.
      const stays = entries.length >= largestBatch || acquired.has(item.lockId) || awaited(item);
      if (!stays) {
        acquired.add(item.lockId);
        take(item);
      }
      return stays;
    });
    if (entries.length > 1) entries.sort((a, b) => (a.op[1] < b.op[1] ? -1 : a.op[1] > b.op[1] ? 1 : 0));
    return { entries, lockIds };
  }

  /** Takes everything out. */
  clear(): readonly Queued[] {
    const all = [...this.#urgent, ...this.#acquires];
    this.#urgent = [];
    this.#acquires = [];
    return all;
  }
}
