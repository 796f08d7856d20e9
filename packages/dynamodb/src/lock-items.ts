import { BatchExecuteStatementCommand } from '@aws-sdk/client-dynamodb';
import { StoreContendedError } from '@headgate/core';
import { freeBelow, fromItem, toItem, untouched } from './lock-record.js';
import { cold, hotter, maxAttempts, pause, pauseMs } from './pause.js';
import { givenUp } from './store-error.js';
import { Table, textOf, unchanged } from './table.js';
import { Turns } from './turns.js';
import { WarmCache } from './warm-cache.js';
import type { BatchExecuteStatementCommandOutput, BatchStatementRequest } from '@aws-sdk/client-dynamodb';
import type { ResolvedOptions } from './client.js';
import type { ItemKey } from './keys.js';
import type { LockRecord } from './lock-record.js';
import type { Step, View } from './lock-steps.js';
import type { Heat } from './pause.js';
import type { Condition, Item } from './table.js';

/** A lock's record as last seen, and since when. */
export interface Known {
  readonly writeId: string;
  readonly record: LockRecord;
  /** Monotonic milliseconds at which this very state was first seen. */
  readonly sinceMs: number;
  readonly heat: Heat;
}

/** An operation on one lock: decides from its record. It is called again for each state that is found. */
export type Decide<Reply> = (record: LockRecord, view: View) => Step<Reply>;

/** One operation of a batch. */
export interface Change<Reply> {
  readonly key: ItemKey;
  readonly decide: Decide<Reply>;
}

/**
 * How long a write goes on after its caller gave up, milliseconds: broken off at once it might take effect behind the back of the clean-up that follows,
 * which waits its turn instead.
 */
const graceMs = 500;

/** DynamoDB's bound on the statements of one request. */
const maxStatements = 25;

/** The locks' items: reads them, and applies an operation to one by writing what it decided on condition that nobody else wrote meanwhile. */
export class LockItems {
  readonly table: Table;
  readonly warm: WarmCache<Known>;
  readonly #options: ResolvedOptions;
  readonly #turns = new Turns();

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.table = new Table(options);
    this.warm = new WarmCache(options.maxCachedKeys);
  }

  /** How a state looks from here and now. */
  view(known: Known | undefined): View {
    const { clock } = this.table.requests;
    const { clockSource, maxSkewMs } = this.#options;
    const nowUs = clock.nowUs();
    const nowMs = Math.floor(nowUs / 1000);
    const watchedMs = known ? this.#options.clock.monotonicMs() - known.sinceMs : 0;
    // Without the service's time, or with a record from the future, the clocks do not agree: then only watching tells.
    const comparable = clockSource === 'client' || clock.known;
    const fromFuture = known !== undefined && known.record.writtenAtMs > nowMs + maxSkewMs;
    return { nowUs, nowMs, watchedMs, skewMs: comparable && !fromFuture ? maxSkewMs : Infinity };
  }

  /** Reads the lock's item; strongly consistent. */
  async read(key: ItemKey, signal?: AbortSignal): Promise<Known | undefined> {
    return this.learn(key, await this.table.read(key.pk, signal), this.warm.get(key.pk)?.heat ?? cold);
  }

  /** Takes in an item as it was found. */
  learn({ pk }: ItemKey, item: Item | undefined, heat: Heat): Known | undefined {
    if (!item) {
      this.warm.delete(pk);
      return undefined;
    }
    const writeId = textOf(item, 'w');
    const before = this.warm.get(pk);
    const record = fromItem(item, this.#options.name);
    const sinceMs = before?.writeId === writeId ? before.sinceMs : this.#options.clock.monotonicMs();
    const known: Known = { writeId, record, sinceMs, heat };
    this.table.requests.clock.observeWritten(record.writtenAtMs * 1000);
    this.warm.set(pk, known);
    return known;
  }

  /** Remembers what this process wrote itself. */
  remember({ pk }: ItemKey, record: LockRecord, writeId: string, heat: Heat): void {
    this.warm.set(pk, { writeId, record, sinceMs: this.#options.clock.monotonicMs(), heat });
  }

  /**
   * Applies one operation. What would be written is written from the last seen state, or from none if `blind`; what would not is only told from a state
   * that was read in this call.
   */
  change<Reply>(
    { key, decide }: Change<Reply>,
    { blind = false, signal }: { readonly blind?: boolean; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Reply> {
    return this.#turns.take(key.pk, async () => {
      let known = this.warm.get(key.pk);
      let heat = known?.heat ?? cold;
      let current = false;
      let rested = false;
      for (let attempts = 0; ; ) {
        const view = this.view(known);
        const { reply, next } = decide(known?.record ?? untouched, view);
        if (!current && (!next || (!known && !blind))) {
          known = await this.read(key, signal);
          current = true;
          continue;
        }
        if (!next) return reply;
        if (attempts === maxAttempts) throw this.contended(attempts);
        if (signal?.aborted) throw givenUp(this.#options.place, signal.reason);
        const restMs: number = rested ? 0 : pauseMs(heat, attempts);
        rested = restMs > 0;
        if (rested) {
          await pause(restMs);
          continue;
        }
        attempts += 1;
        const writeId = this.table.writeId();
        const outcome = await this.table.put(toItem(key, next, writeId), conditionFor(known, next, view), {
          signal,
          graceMs,
        });
        if (outcome.written) {
          this.remember(key, next, writeId, heat);
          return reply;
        }
        heat = hotter(heat);
        known = this.learn(key, outcome.item, heat);
        current = true;
      }
    });
  }

  /** Applies operations that prolong leases: 25 to a request where there is PartiQL, and one by one where that does not succeed. */
  async prolongAll<Reply>(changes: readonly Change<Reply>[], signal?: AbortSignal): Promise<readonly Reply[]> {
    if (changes.length === 1 || this.#options.emulator === 'dynalite')
      return Promise.all(changes.map((change) => this.change(change, { signal })));
    const chunks: Change<Reply>[][] = [];
    for (let from = 0; from < changes.length; from += maxStatements)
      chunks.push(changes.slice(from, from + maxStatements));
    return (await Promise.all(chunks.map((chunk) => this.#prolongTogether(chunk, signal)))).flat();
  }

  async #prolongTogether<Reply>(changes: readonly Change<Reply>[], signal?: AbortSignal): Promise<readonly Reply[]> {
    const attempts = changes.flatMap((change) => {
      const known = this.warm.get(change.key.pk);
      const step = known && change.decide(known.record, this.view(known));
      return known && step?.next
        ? [{ change, known, reply: step.reply, next: step.next, writeId: this.table.writeId() }]
        : [];
    });
    const statements = attempts.map(({ change, known, next, writeId }) =>
      this.#statement(toItem(change.key, next, writeId), known.writeId),
    );
    const done = new Map<Change<Reply>, Reply>();
    if (statements.length > 0) {
      const command = new BatchExecuteStatementCommand({ Statements: statements });
      const { Responses = [] } = (await this.table.requests.send(command, {
        signal,
      })) as BatchExecuteStatementCommandOutput;
      attempts.forEach(({ change, known, reply, next, writeId }, i) => {
        const failure = Responses[i]?.Error;
        if (failure && textOf(failure.Item, 'w') !== writeId) {
          if (failure.Item) this.learn(change.key, failure.Item, known.heat);
          return;
        }
        this.remember(change.key, next, writeId, known.heat);
        done.set(change, reply);
      });
    }
    return Promise.all(changes.map((change) => done.get(change) ?? this.change(change, { signal })));
  }

  /** A prolonged lease changes no other attribute. */
  #statement({ pk, w, r, x, t }: Item, writeId: string): BatchStatementRequest {
    return {
      Statement: `UPDATE "${this.table.name}" SET "w"=? SET "r"=? SET "x"=? SET "t"=? WHERE "pk"=? AND "w"=?`,
      Parameters: [w, r, x, t, pk, { S: writeId }] as NonNullable<BatchStatementRequest['Parameters']>,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    };
  }

  /** The error of an operation that lost every race. */
  contended(attempts: number): StoreContendedError {
    const message = `Others changed the lock at each of ${attempts} attempts`;
    return new StoreContendedError(message, { store: this.#options.name, attempts });
  }
}

/** That nobody wrote since; or, for what makes its lease the only one, that the lock is free in whatever way. */
export function conditionFor(known: Known | undefined, next: LockRecord, { nowMs, skewMs }: View): Condition {
  const same = known && unchanged(known.writeId);
  const [holder, ...others] = next.holders;
  const isGrant = holder !== undefined && others.length === 0 && holder.lastToken === next.lastToken;
  if (same && (!isGrant || known.record.holders.some(({ leaseId }) => leaseId === holder.leaseId))) return same;
  if (!isGrant) return { expression: 'attribute_not_exists(#pk)', names: { pk: 'pk' }, values: {} };
  const free = freeBelow(holder.firstToken, skewMs === Infinity ? 0 : nowMs - skewMs);
  if (!same) return free;
  return {
    expression: `${same.expression} OR ${free.expression}`,
    names: { ...same.names, ...free.names },
    values: { ...same.values, ...free.values },
  };
}
