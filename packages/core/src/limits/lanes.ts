import { isStoreError, QueueFullError, StoreError, StoreTimeoutError } from '../errors.js';
import { emitStoreCall } from '../hooks/store-call.js';
import { joinKey } from '../keys.js';
import { Batch } from './batch.js';
import { Deadlines } from '../deadlines.js';
import { answerNow } from './answer.js';
import { Lane } from './lane.js';
import { asStoreError, isOutage } from './store-errors.js';
import type { Clock } from '../clock.js';
import type { Emitter } from '../hooks/emitter.js';
import type { Ask } from './ask.js';
import type { LimiterAnswer, LimiterDecided, LimiterResult, LimiterStore } from './contract.js';

/** What {@link Lanes} need. */
export interface LanesOptions {
  /** The limiter's name, which is part of each record's key. */
  readonly name: string;
  readonly store: LimiterStore;
  readonly clock: Clock;
  readonly emitter: Emitter;
  /** Longest time from a call to its end, and from a batch's departure to its end. */
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly maxQueue: number;
  /** Told once per round trip, before anybody waits for the next: nothing when the store answered, else the outage it met, or an error that says nothing about it. */
  readonly onContact?: (failure: unknown, probe: boolean) => void;
}

/** A lane's work is split evenly over the round trips it may have under way, but into no fewer steps than this. */
const leastShare = 32;

/**
 * Group commit: a lone call goes out at once; while `maxInFlight` round trips of its lane are under way, calls gather and leave
 * together when one returns. A batch is never sent again; one that timed out frees its place.
 */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #deadlines: Deadlines;
  readonly #lanes = new Map<string, Lane>();
  #queued = 0;
  #inFlight = 0;
  #onIdle: (() => void)[] = [];

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, options.timeoutMs);
  }

  /** Sends the call now or lets it gather; throws {@link QueueFullError} when too many wait. */
  submit(ask: Ask): void {
    const { maxInFlight, maxQueue } = this.#options;
    const lane = this.#laneOf(ask.key);
    const alone = lane.inFlight < maxInFlight && !lane.gathers && !lane.busy.get(ask.key);
    if (!alone && this.#queued >= maxQueue) {
      throw new QueueFullError(`More than ${maxQueue} calls wait for store '${this.#options.store.name}'`, {
        maxQueue,
      });
    }
    if (alone) {
      this.#sendAlone(lane, ask, false);
    } else {
      ask.onExpire = this.#expireAsk;
      this.#deadlines.add(ask, this.#options.clock.monotonicMs());
      lane.push(ask);
      this.#queued++;
    }
  }

  /** Sends one call alone, past the queue, to learn whether the store is back; returns `false`, having done nothing, while its key is under way. */
  probe(ask: Ask): boolean {
    const lane = this.#laneOf(ask.key);
    if (lane.busy.get(ask.key)) return false;
    this.#sendAlone(lane, ask, true);
    return true;
  }

  /** Takes a call whose caller gave up out of the queue; one that was sent stays. */
  withdraw(ask: Ask): void {
    if (ask.state !== 'queued') return;
    this.#queued--;
    ask.state = 'over';
    this.#deadlines.remove(ask);
    this.#settleIdle();
  }

  /** Fails everything that waits; what is under way stays. */
  failQueued(error: StoreError): void {
    for (const lane of this.#lanes.values()) {
      for (let ask of lane.clear())
        for (; ask; ask = ask.behind) if (ask.state === 'queued') this.#end(ask, error, false);
    }
    this.#settleIdle();
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
      this.#settleIdle();
    });
  }

  #laneOf(key: string): Lane {
    const { store, name: limiter } = this.#options;
    const name = store.lane ? store.lane(joinKey(limiter, key)) : '';
    let lane = this.#lanes.get(name);
    if (!lane) {
      lane = new Lane();
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  /** Its time is that of its batch. */
  #sendAlone(lane: Lane, ask: Ask, probe: boolean): void {
    const batch = new Batch(lane, this.#options.name, probe, this.#expireBatch);
    batch.add(ask);
    this.#send(batch);
  }

  #flush(lane: Lane): void {
    const { store, maxInFlight } = this.#options;
    while (lane.inFlight < maxInFlight && lane.waiting.size > 0) {
      const batch = new Batch(lane, this.#options.name, false, this.#expireBatch);
      const share = Math.max(leastShare, Math.ceil((lane.busy.size + lane.waiting.size) / maxInFlight));
      const { maxBatchSteps, maxStepOps } = store.capabilities;
      lane.moveTo(batch, Math.min(share, maxBatchSteps), maxStepOps);
      this.#queued -= batch.calls;
      if (batch.steps.length === 0) return;
      this.#send(batch);
    }
  }

  #send(batch: Batch): void {
    batch.sentMs = this.#options.clock.monotonicMs();
    batch.lane.inFlight++;
    this.#inFlight++;
    const deciding = this.#decide(batch);
    // The store has its question: what follows is done while it thinks.
    this.#deadlines.add(batch, batch.sentMs);
    deciding.then(
      (results) => this.#returned(batch, results),
      (error: unknown) => this.#returned(batch, undefined, error),
    );
  }

  #decide(batch: Batch): Promise<readonly LimiterResult[]> {
    try {
      return Promise.resolve(this.#options.store.decide(batch.steps, batch.call));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #returned(batch: Batch, results: readonly LimiterResult[] | undefined, error?: unknown): void {
    if (batch.over) return;
    const whole = results
      ? this.#misfit(batch, results)
      : isForeign(error)
        ? error
        : asStoreError(error, this.#options.store.name);
    const first = whole ?? results?.find(isFailed)?.error;
    this.#leave(batch, first);
    const reached = whole === undefined && results?.some((result) => !isFailed(result) || !isOutage(result.error));
    this.#options.onContact?.(reached || (isStoreError(first) && !isOutage(first)) ? undefined : first, batch.probe);
    this.#goOn(batch);
    for (let i = 0; i < batch.asks.length; i++) this.#settle(batch.asks[i] as Ask, batch.sentMs, results?.[i], whole);
    this.#settleIdle();
  }

  /** Ends the calls of a step with its result, or with what failed the whole batch. */
  #settle(first: Ask, sentMs: number, result: LimiterResult | undefined, whole: unknown): void {
    const error = whole ?? (result && isFailed(result) ? result.error : undefined);
    let ask: Ask | undefined = first;
    for (let i = 0; ask; i++, ask = ask.behind) {
      if (ask.state !== 'sent') continue;
      if (error !== undefined) this.#end(ask, error, true);
      else {
        this.#retire(ask);
        const decided = result as LimiterDecided;
        ask.answered(answerNow(decided.answers[i] as LimiterAnswer, decided), sentMs);
      }
    }
  }

  /**
   * Goes on with a lane whose `batch` came back. Those who are answered now tend to ask again at once; unless more than they may ask waits already,
   * it is sent together with that, when all of them have had their turn.
   */
  #goOn({ lane, calls }: Batch): void {
    const wasLone = calls === 1;
    if (wasLone || lane.calls >= calls) this.#flush(lane);
    if (wasLone || lane.gathers || lane.inFlight >= this.#options.maxInFlight) return;
    lane.gathers = true;
    // A tick comes after all microtasks: when the callers have gone as far as they get without waiting for something else.
    process.nextTick(this.#gathered, lane);
  }

  readonly #gathered = (lane: Lane): void => {
    lane.gathers = false;
    this.#flush(lane);
  };

  /** What is wrong with the shape of a reply. */
  #misfit(batch: Batch, results: readonly LimiterResult[]): StoreError | undefined {
    const fits =
      results.length === batch.steps.length &&
      results.every((result, i) => isFailed(result) || result.answers.length === batch.steps[i]?.ops.length);
    if (fits) return undefined;
    return new StoreError('The store answered with another number of results than it was asked', {
      store: this.#options.store.name,
      kind: 'other',
    });
  }

  /** Frees a batch's place and reports the round trip. */
  #leave(batch: Batch, error: unknown): void {
    const { emitter, store, clock } = this.#options;
    batch.over = true;
    this.#deadlines.remove(batch);
    batch.lane.inFlight--;
    this.#inFlight--;
    for (const { key } of batch.asks) batch.lane.busy.delete(key);
    emitStoreCall(emitter, store.name, 'decide', batch.steps.length, clock.monotonicMs() - batch.sentMs, error);
  }

  // The callers of a batch end at the batch's time at the latest.
  readonly #expireBatch = (batch: Batch): void => {
    for (const first of batch.asks) {
      for (let ask: Ask | undefined = first; ask; ask = ask.behind) if (ask.state === 'sent') this.#expireAsk(ask);
    }
    const error = this.#timeout();
    batch.call.abort();
    this.#leave(batch, error);
    this.#options.onContact?.(error, batch.probe);
    this.#flush(batch.lane);
    this.#settleIdle();
  };

  readonly #expireAsk = (ask: Ask): void => {
    const sent = ask.state === 'sent';
    if (!sent) this.#queued--;
    ask.state = 'over';
    ask.failed(this.#timeout(), sent);
    this.#settleIdle();
  };

  #timeout(): StoreTimeoutError {
    const { store, timeoutMs } = this.#options;
    return new StoreTimeoutError(`Store '${store.name}' did not answer within ${timeoutMs} ms`, {
      store: store.name,
      timeoutMs,
    });
  }

  #end(ask: Ask, error: unknown, sent: boolean): void {
    if (ask.state === 'queued') this.#queued--;
    this.#retire(ask);
    ask.failed(error, sent);
  }

  #retire(ask: Ask): void {
    ask.state = 'over';
    this.#deadlines.remove(ask);
  }

  #settleIdle(): void {
    if (this.#onIdle.length === 0 || this.#inFlight > 0 || this.#queued > 0) return;
    this.#deadlines.stop();
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

function isFailed(result: LimiterResult): result is { readonly error: StoreError } {
  return 'error' in result;
}

/** An error of ours that is no store failure, such as a closed store: handed on as it is. */
function isForeign(error: unknown): boolean {
  return (
    error instanceof Error && String((error as { code?: unknown }).code).startsWith('HEADGATE_') && !isStoreError(error)
  );
}
