import { decideStep, StoreContendedError, StoreError } from '@headgate/core';
import { resolveOptions } from './client.js';
import { itemKey, partOf } from './keys.js';
import { absent, fromItem, toItem } from './limiter-item.js';
import { cold, hotter, maxAttempts, pause, pauseMs } from './pause.js';
import { asStoreError, givenUp } from './store-error.js';
import { continued, gapMs, noStreak } from './streak.js';
import { Table, textOf, unchanged } from './table.js';
import { Turns } from './turns.js';
import { WarmCache } from './warm-cache.js';
import type {
  LimiterCapabilities,
  LimiterRecord,
  LimiterResult,
  LimiterStep,
  LimiterStore,
  StepOutcome,
} from '@headgate/core';
import type { DynamoStoreOptions, ResolvedOptions } from './client.js';
import type { ItemKey } from './keys.js';
import type { Heat } from './pause.js';
import type { Streak } from './streak.js';
import type { Item, Written } from './table.js';

/** Options of {@link dynamoLimiterStore}. */
export interface DynamoLimiterStoreOptions extends DynamoStoreOptions {}

/** Calls gather per lane; a contended key holds up only its own. */
const lanes = 64;

/** DynamoDB removes what has expired within days, as it finds time. */
const ttlLagMs = 48 * 3_600_000;

/** A key's record as last seen, by this process's own write or somebody else's. */
interface Known {
  readonly writeId: string;
  readonly record: LimiterRecord;
  readonly heat: Heat;
  readonly streak: Streak;
}

/**
 * Rate limits in a DynamoDB table, one item per key. The step is decided here, by core's `decideStep`, and written on condition that the item still is
 * what the decision was made from: a key this process has seen costs one write per batch of callers, a new one too, one that only others have written
 * two. What changes nothing (a denial, a peek) costs one read and writes nothing: it is never told from memory, since others may have refunded or
 * reset the key. Throws `InvalidArgumentError` for options that cannot work; owns no connection.
 */
export function dynamoLimiterStore(options: DynamoLimiterStoreOptions): LimiterStore {
  return new DynamoLimiterStore(resolveOptions(options));
}

class DynamoLimiterStore implements LimiterStore {
  readonly name: string;
  readonly clock = 'client';
  readonly capabilities: LimiterCapabilities;
  readonly #options: ResolvedOptions;
  readonly #table: Table;
  readonly #warm: WarmCache<Known>;
  readonly #turns = new Turns();

  constructor(options: ResolvedOptions) {
    this.name = options.name;
    this.capabilities = Object.freeze({
      maxSlidingLogLimit: 1_000,
      maxBatchSteps: 100,
      maxStepOps: 1_000,
      removalLagMs: options.emulator === 'dynalite' ? Infinity : ttlLagMs,
    });
    this.#options = options;
    this.#table = new Table(options);
    this.#warm = new WarmCache(options.maxCachedKeys);
  }

  lane(key: string): string {
    return String(partOf(key, lanes));
  }

  async decide(
    steps: readonly LimiterStep[],
    { signal }: { readonly signal?: AbortSignal },
  ): Promise<readonly LimiterResult[]> {
    await this.#table.ready();
    return Promise.all(
      steps.map((step) => {
        const key = itemKey('limit', step.key);
        return this.#turns
          .take(key.pk, () => this.#decideOne(key, step, signal))
          .catch((error: unknown) => this.#failed(error));
      }),
    );
  }

  async close(): Promise<void> {
    this.#table.close();
  }

  #failed(error: unknown): LimiterResult {
    const failure = asStoreError(error, this.#options.place);
    if (failure instanceof StoreError) return { error: failure };
    throw failure;
  }

  async #decideOne(key: ItemKey, step: LimiterStep, signal: AbortSignal | undefined): Promise<LimiterResult> {
    let known = this.#warm.get(key.pk);
    let heat = known?.heat ?? cold;
    // Whether `known` was read within this call, rather than remembered or assumed.
    let current = false;
    let rested = false;
    for (let attempts = 0; ; ) {
      const outcome = decideStep(known?.record, step.limits, step.ops, this.#nowUs());
      const removes = outcome.changed && !outcome.record;
      if (!outcome.changed || (removes && !known)) {
        if (current) return outcome.result;
        known = this.#learn(key, await this.#table.read(key.pk, signal), heat);
        current = true;
        continue;
      }
      if (attempts === maxAttempts) return { error: this.#contended(attempts) };
      if (signal?.aborted) throw givenUp(this.#options.place, signal.reason);
      const restMs: number = rested ? 0 : Math.max(pauseMs(heat, attempts), gapMs(known?.streak ?? noStreak));
      rested = restMs > 0;
      if (rested) {
        await pause(restMs);
        // Time has passed: decide anew.
        continue;
      }
      const sentMs = performance.now();
      const writeId = this.#table.writeId();
      const write = await this.#write(key, known, outcome, writeId, signal);
      attempts += 1;
      if (write.written) {
        this.#remember(key, outcome, { writeId, heat, streak: continued(known?.streak ?? noStreak, sentMs) });
        return outcome.result;
      }
      heat = hotter(heat);
      known = this.#learn(key, write.item, heat);
      current = true;
    }
  }

  #write(
    key: ItemKey,
    known: Known | undefined,
    { record, result }: StepOutcome,
    writeId: string,
    signal: AbortSignal | undefined,
  ): Promise<Written> {
    if (!record) return this.#table.delete(key.pk, (known as Known).writeId, { signal });
    const condition = known ? unchanged(known.writeId) : absent(result.nowUs);
    return this.#table.put(toItem(key, record, writeId), condition, { signal });
  }

  /** Takes in what was found in place of what was expected. */
  #learn({ pk }: ItemKey, item: Item | undefined, heat: Heat): Known | undefined {
    if (!item) {
      this.#warm.delete(pk);
      return undefined;
    }
    const known: Known = { writeId: textOf(item, 'w'), record: fromItem(item, this.name), heat, streak: noStreak };
    this.#table.requests.clock.observeWritten(known.record.lastUs);
    this.#warm.set(pk, known);
    return known;
  }

  #remember({ pk }: ItemKey, { record }: StepOutcome, written: Omit<Known, 'record'>): void {
    if (record) this.#warm.set(pk, { ...written, record });
    else this.#warm.delete(pk);
  }

  #contended(attempts: number): StoreContendedError {
    const message = `Others changed the key at each of ${attempts} attempts; nothing was charged`;
    return new StoreContendedError(message, { store: this.name, attempts });
  }

  #nowUs(): number {
    return this.#table.requests.clock.nowUs();
  }
}
