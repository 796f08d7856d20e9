import { ClosedError, UnsupportedError } from '../errors.js';
import type { Emitter } from '../hooks/emitter.js';
import { checkKey } from '../keys.js';
import { durationMs, integerIn, invalid, optionsObject } from '../validate.js';
import { chargeOf, promised } from './decision.js';
import { Engine } from './engine.js';
import { consumeOne } from './ops.js';
import { checkLimiterOptions } from './options.js';
import { PolicyChecker } from './policy.js';
import { DecisionReporter } from './reporter.js';
import { WaitQueues } from './wait-queues.js';
import type { ConsumeOptions, Decision, Limiter, LimiterCallOptions, LimiterOptions, WaitOptions } from './api.js';
import type { LimiterOp } from './contract.js';
import type { OptionNames } from '../validate.js';
import type { CheckedLimiterOptions } from './options.js';
import type { Policy, SharedPolicy } from './policy.js';

const defaultMaxWaitMs = 30_000;
const callOptions = { limits: 0, signal: 0 };
const consumeOptions = { ...callOptions, cost: 0 };
const waitOptions = { ...consumeOptions, maxWaitMs: 0 };
const refundOptions = { cost: 0, signal: 0 };

/**
 * Makes a limiter over `store`. Throws {@link InvalidArgumentError}, naming the option, for anything that cannot work; no store is touched, so one that is
 * away at start-up is met by the first call.
 */
export function createLimiter(options: LimiterOptions): Limiter {
  return new StoreLimiter(checkLimiterOptions(options));
}

class StoreLimiter implements Limiter {
  readonly name: string;
  readonly store: string;
  readonly #engine: Engine;
  readonly #policy: SharedPolicy;
  readonly #policies: PolicyChecker;
  readonly #reporter: DecisionReporter;
  readonly #emitter: Emitter;
  readonly #clock: CheckedLimiterOptions['clock'];
  readonly #waits: WaitQueues;
  /** Units given back so far, of decisions that were refunded in part or whole. */
  readonly #refunded = new WeakMap<Decision, number>();
  #closing: Promise<void> | undefined;

  constructor(options: CheckedLimiterOptions) {
    const { name, store, fallback, clock, limits, emitter } = options;
    const stores = fallback ? [store, fallback.store] : [store];
    this.name = name;
    this.store = store.name;
    this.#clock = clock;
    this.#policies = new PolicyChecker(stores, fallback?.share);
    this.#policy = this.#policies.check(limits);
    this.#emitter = emitter;
    this.#engine = new Engine(options);
    this.#reporter = new DecisionReporter(emitter, name, store.name);
    this.#waits = new WaitQueues(clock, options.maxQueue);
    emitter.declare({ kind: 'limiter', limiter: name, store: store.name, fallback: this.#engine.standIn });
  }

  // Not an async function: this path is the reason somebody picks an in-process store.
  consume(key: string, options?: ConsumeOptions): Promise<Decision> {
    try {
      // An in-process store looks at keys it does not know by itself.
      if (!this.#engine.isSync || this.#closing) this.#checkCall(key);
      const op = consumeOf(options);
      return this.#decide(key, this.#policyOf(options), op, checkSignal(options?.signal));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  consumeSync(key: string, options?: ConsumeOptions): Decision {
    if (!this.#engine.isSync)
      throw new UnsupportedError(`Store '${this.store}' cannot decide without a promise; use consume`);
    if (this.#closing) throw this.#closedError();
    const op = consumeOf(options);
    const policy = this.#policyOf(options);
    checkSignal(options?.signal)?.throwIfAborted();
    return this.#decideNow(key, policy, op, true) as Decision;
  }

  async consumeUpTo(key: string, options: ConsumeOptions & { readonly cost: number }): Promise<Decision> {
    this.#checkCall(key);
    const cost = integerIn('cost', optionsObject('options', options, consumeOptions).cost, 0);
    return this.#decide(key, this.#policyOf(options), { kind: 'consumeUpTo', cost }, checkSignal(options.signal));
  }

  async peek(key: string, options?: ConsumeOptions): Promise<Decision> {
    this.#checkCall(key);
    const cost = options === undefined ? 1 : costOf(options);
    return this.#ask(key, options, { kind: 'peek', cost });
  }

  async refund(
    decision: Decision,
    options?: { readonly cost?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<number> {
    if (this.#closing) throw this.#closedError();
    const charge = chargeOf(decision);
    if (!charge || charge.owner !== this.#engine) throw invalid('decision', 'a decision of this limiter', decision);
    const { cost, signal } = options === undefined ? {} : optionsObject('options', options, refundOptions);
    const asked = cost === undefined ? charge.units : integerIn('cost', cost, 0);
    const refunded = this.#refunded.get(decision) ?? 0;
    const units = Math.min(asked, charge.units - refunded);
    checkSignal(signal)?.throwIfAborted();
    if (units === 0) return 0;
    // Entered before it is sent: whatever becomes of it, these units are never asked back twice.
    this.#refunded.set(decision, refunded + units);
    const answer = await this.#engine.refund(decision, charge, units, signal);
    this.#waits.nudge(charge.key);
    if (this.#emitter.wants('onRefund')) {
      this.#emitter.emit('onRefund', { limiter: this.name, store: this.store, units: answer.granted });
    }
    return units;
  }

  async penalize(key: string, options: LimiterCallOptions & { readonly cost: number }): Promise<Decision> {
    this.#checkCall(key);
    const cost = integerIn('cost', optionsObject('options', options, consumeOptions).cost, 0);
    return this.#ask(key, options, { kind: 'penalize', cost });
  }

  async block(key: string, forMs: number, options?: LimiterCallOptions): Promise<Decision> {
    this.#checkCall(key);
    if (options !== undefined) optionsObject('options', options, callOptions);
    return this.#ask(key, options, { kind: 'block', forUs: durationMs('forMs', forMs) * 1000 });
  }

  async reset(key: string, options?: LimiterCallOptions): Promise<void> {
    this.#checkCall(key);
    if (options !== undefined) optionsObject('options', options, callOptions);
    const policy = this.#policyOf(options);
    await this.#engine.reset(key, policy, checkSignal(options?.signal));
    this.#waits.nudge(key);
  }

  async wait(key: string, options: WaitOptions = {}): Promise<Decision> {
    this.#checkCall(key);
    const op = consumeOf(options, waitOptions);
    const policy = this.#policyOf(options);
    const signal = checkSignal(options.signal);
    const maxWaitMs = durationMs('maxWaitMs', options.maxWaitMs ?? defaultMaxWaitMs, 0);
    signal?.throwIfAborted();
    const beganMs = this.#clock.monotonicMs();
    const attempt = async (): Promise<Decision> => this.#engine.ask(key, policy, op, signal);
    const waited = this.#waits.wait(key, { attempt, maxWaitMs, signal });
    if (this.#emitter.wants('onLimiterWait')) {
      const report = (outcome: 'allowed' | 'denied' | 'aborted' | 'error'): void =>
        this.#emitter.emit('onLimiterWait', {
          limiter: this.name,
          outcome,
          waitMs: this.#clock.monotonicMs() - beganMs,
        });
      waited.then(
        ({ allowed }) => report(allowed ? 'allowed' : 'denied'),
        () => report(signal?.aborted ? 'aborted' : 'error'),
      );
    }
    return this.#reporter.watch(waited, op);
  }

  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = this.#engine.close();
      this.#waits.close(this.#closedError());
    }
    return this.#closing;
  }

  #checkCall(key: string): void {
    if (this.#closing) throw this.#closedError();
    checkKey('key', key);
  }

  #closedError(): ClosedError {
    return new ClosedError(`Limiter '${this.name}' is closed`);
  }

  #policyOf(options: LimiterCallOptions | undefined): SharedPolicy {
    if (options === undefined) return this.#policy;
    const { limits } = options;
    return limits === undefined ? this.#policy : this.#policies.check(limits);
  }

  /** An operation that is reported as a decision. */
  #decide(key: string, policy: Policy, op: LimiterOp, signal: AbortSignal | undefined): Promise<Decision> {
    // A caller who had left before asking has not asked: no decision, no event.
    signal?.throwIfAborted();
    if (!this.#engine.isSync) return this.#reporter.watch(this.#engine.ask(key, policy, op, signal), op);
    return promised(this.#decideNow(key, policy, op, false));
  }

  #decideNow(key: string, policy: Policy, op: LimiterOp, sync: boolean): Decision | Promise<Decision> {
    if (!this.#reporter.isWatched) return this.#engine.now(key, policy, op, sync);
    return this.#reporter.watchNow(() => this.#engine.now(key, policy, op, sync), op);
  }

  /** An operation that is not reported as a decision. */
  async #ask(key: string, options: LimiterCallOptions | undefined, op: LimiterOp): Promise<Decision> {
    return this.#engine.ask(key, this.#policyOf(options), op, checkSignal(options?.signal));
  }
}

function consumeOf(options: ConsumeOptions | undefined, known?: OptionNames<ConsumeOptions>): LimiterOp {
  return options === undefined ? consumeOne : { kind: 'consume', cost: costOf(options, known) };
}

function costOf(options: ConsumeOptions, known: OptionNames<ConsumeOptions> = consumeOptions): number {
  return integerIn('cost', optionsObject('options', options, known).cost ?? 1, 0);
}

function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw invalid('signal', 'an AbortSignal', signal);
  }
  return signal;
}
