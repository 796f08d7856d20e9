import { InvalidArgumentError, isStoreError, StoreError } from '../errors.js';
import { emitStoreCall } from '../hooks/store-call.js';
import { Breaker } from './breaker.js';
import { Call } from './call.js';
import { asItIs, decideNowOf } from './decide-now.js';
import { chargeOf, decisionsBy, promised } from './decision.js';
import { DenyCache } from './deny-cache.js';
import { failureDecision } from './failure-mode.js';
import { Fallback } from './fallback.js';
import { Lanes } from './lanes.js';
import { leastCost } from './ops.js';
import { heldWhileBlocked } from './reconcile.js';
import type { Emitter } from '../hooks/emitter.js';
import type { Decision } from './api.js';
import type { CallHandler } from './call.js';
import type { LimiterAnswerNow, LimiterOp, LimiterStore } from './contract.js';
import type { Charge } from './decision.js';
import type { DecideNow } from './decide-now.js';
import type { Limit } from './limit.js';
import type { CheckedLimiterOptions } from './options.js';
import type { Policy, SharedPolicy } from './policy.js';
import type { AdmittedUnits } from './reconcile.js';

/** Keys reconciled side by side. */
const reconcileWidth = 1000;

/** Brings an operation to a decision: from the deny cache, the store, or what the caller chose for the time when the store is away. */
export class Engine implements CallHandler {
  readonly fallback: Fallback | undefined;
  /** Whether the store decides without a promise. */
  readonly isSync: boolean;
  readonly #options: CheckedLimiterOptions;
  readonly #store: LimiterStore;
  readonly #denyCache: DenyCache | undefined;
  readonly #breaker: Breaker;
  readonly #lanes: Lanes;
  readonly #emitter: Emitter;
  readonly #storeCalls: () => boolean;
  #lastOutage: StoreError | undefined;
  /** Set while a recovery is being reconciled: reports it, once. */
  #reportRecovery: ((units?: number) => void) | undefined;

  constructor(options: CheckedLimiterOptions) {
    const { name, store, clock, emitter, timeoutMs, maxInFlight, maxQueue, fallback } = options;
    this.#options = options;
    this.#store = store;
    this.#emitter = emitter;
    this.#storeCalls = emitter.interest('onStoreCall');
    this.isSync = store.decideNow !== undefined;
    this.#denyCache = options.denyCache && new DenyCache(clock, options.denyCache);
    this.#breaker = new Breaker(clock, options.breaker);
    const common = { name, clock, emitter, timeoutMs, maxInFlight, maxQueue };
    this.#lanes = new Lanes({ ...common, store, onContact: this.#contact });
    this.fallback = fallback && new Fallback({ ...fallback, name: options.name, owner: this }, common);
  }

  /** Name of what decides while the store is away: the fallback store's, or the failure mode. */
  get standIn(): string {
    return this.fallback?.store.name ?? this.#options.mode;
  }

  /** Decides at once, in-process stores only. With `sync`, a fallback that needs a promise is not asked. */
  now(key: string, policy: Policy, op: LimiterOp, sync: boolean): Decision | Promise<Decision> {
    const known = this.#known(key, policy, op);
    if (known) return known;
    try {
      const decide = (policy.now ??= this.#prepare(policy.limits));
      return this.#storeCalls() ? this.#timedNow(key, decide, op) : decide(key, op);
    } catch (error) {
      // The key was no key: the caller's mistake, not the store's.
      if (error instanceof InvalidArgumentError) throw error;
      if (sync && this.fallback?.isSync === false) throw error;
      return this.#failover(key, policy, op, error, false, undefined);
    }
  }

  #known(key: string, policy: Policy, op: LimiterOp): Decision | undefined {
    const { limits } = policy;
    return this.#denyCache?.find(key, limits, op, (policy.known ??= decisionsBy(limits, 'cache', this)));
  }

  #prepare(limits: readonly Limit[]): DecideNow<Decision> {
    const cache = this.#denyCache;
    const { name, clock, store } = this.#options;
    const make = decisionsBy(limits, 'store', this);
    if (!cache) return decideNowOf(store, name, limits, make);
    const decide = decideNowOf(store, name, limits, asItIs);
    return (key, op) => {
      const sentMs = clock.monotonicMs();
      const answer = decide(key, op);
      cache.learn(key, limits, op, answer, sentMs);
      return make(key, answer);
    };
  }

  /** Decides through the lanes. */
  ask(key: string, policy: Policy, op: LimiterOp, signal?: AbortSignal): Promise<Decision> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.isSync) return promised(this.now(key, policy, op, false));
    const known = this.#known(key, policy, op);
    if (known) return promised(known);
    if (leastCost(op) === undefined) this.#denyCache?.forget(key);
    return new Call(this, key, policy, policy.limits, op, signal).run(this.#send);
  }

  // One function for all calls.
  readonly #send = (call: Call): void => {
    const passage = this.#breaker.passage;
    if (passage === 'go') this.#lanes.submit(call);
    else if (passage === 'probe' && this.#lanes.probe(call)) this.#breaker.probing = true;
    else call.failed(this.#notAsked(), false);
  };

  /** Gives back `units` of a decision's charge to the store that took them, and to no other. */
  refund(decision: Decision, charge: Charge, units: number, signal: AbortSignal | undefined): Promise<Decision> {
    if (charge.source === 'fallback') return (this.fallback as Fallback).refund(decision, charge, units, signal);
    const { key, limits, atUs } = charge;
    return this.ask(key, { limits }, { kind: 'refund', cost: units, atUs }, signal);
  }

  /** Forgets a key in the store and in the fallback; rejects when either could not be reached. */
  async reset(key: string, policy: SharedPolicy, signal: AbortSignal | undefined): Promise<void> {
    const op: LimiterOp = { kind: 'reset' };
    this.fallback?.ledger?.forget(key);
    const here = async (): Promise<unknown> => this.ask(key, policy, op, signal);
    const there = async (): Promise<unknown> => this.fallback?.ask(key, policy, op, true, signal);
    await Promise.all([here(), there()]);
  }

  /** Waits for what was gathered and what is under way. */
  async close(): Promise<void> {
    await Promise.all([this.#lanes.idle(), this.fallback?.close()]);
  }

  decided(call: Call, answer: LimiterAnswerNow, sentMs: number): Decision {
    this.#denyCache?.learn(call.key, call.limits, call.op, answer, sentMs);
    const { policy } = call;
    return (policy.told ??= decisionsBy(policy.limits, 'store', this))(call.key, answer);
  }

  failed(call: Call, error: unknown, sent: boolean): Decision | Promise<Decision> {
    return this.#failover(call.key, call.policy, call.op, error, sent, call.signal);
  }

  withdraw(call: Call): void {
    this.#lanes.withdraw(call);
  }

  #failover(
    key: string,
    policy: Policy,
    op: LimiterOp,
    error: unknown,
    sent: boolean,
    signal: AbortSignal | undefined,
  ): Decision | Promise<Decision> {
    const { mode, clock } = this.#options;
    // A reset that did not happen must not look like one.
    if (!isStoreError(error) || mode === 'throw' || !policy.shares || op.kind === 'reset') throw error;
    if (this.fallback) return this.fallback.ask(key, policy as SharedPolicy, op, sent, signal);
    const decision = failureDecision(mode, policy.limits, op, clock.nowUs(), this.#breaker.retryAfterMs, this, key);
    if (!decision) throw error;
    return decision;
  }

  #timedNow(key: string, decide: DecideNow<Decision>, op: LimiterOp): Decision {
    const sentMs = this.#options.clock.monotonicMs();
    try {
      const decision = decide(key, op);
      this.#reportCall(sentMs);
      return decision;
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) this.#reportCall(sentMs, error);
      throw error;
    }
  }

  #reportCall(sentMs: number, error?: unknown): void {
    emitStoreCall(this.#emitter, this.#store.name, 'decide', 1, this.#options.clock.monotonicMs() - sentMs, error);
  }

  #notAsked(): StoreError {
    const { name } = this.#store;
    const cause = this.#lastOutage;
    return new StoreError(`Store '${name}' is away and is not asked until it is next probed (${cause?.message})`, {
      store: name,
      kind: cause?.kind ?? 'other',
      cause,
    });
  }

  readonly #contact = (failure: unknown, probe: boolean): void => {
    if (failure === undefined) {
      if (this.#breaker.answered(probe)) this.#recovered();
      return;
    }
    if (!isStoreError(failure)) {
      if (probe) this.#breaker.probing = false;
      return;
    }
    this.#lastOutage = failure;
    if (!this.#breaker.failed(probe)) return;
    this.#reportRecovery?.();
    this.#emitTransition('activate');
    this.#lanes.failQueued(this.#notAsked());
  };

  #recovered(): void {
    const admitted = this.fallback?.ledger?.take();
    if (!admitted) return this.#emitTransition('recover');
    this.#reportRecovery = (units) => {
      this.#reportRecovery = undefined;
      this.#emitTransition('recover', units);
    };
    const report = this.#reportRecovery;
    void this.#reconcile(admitted).then((units) => {
      if (this.#reportRecovery === report) report(units);
    });
  }

  #emitTransition(direction: 'activate' | 'recover', reconciledUnits?: number): void {
    this.#emitter.emit('onFallback', {
      limiter: this.#options.name,
      direction,
      from: this.#store.name,
      to: this.standIn,
      ...(reconciledUnits === undefined ? {} : { reconciledUnits }),
    });
  }

  /** Charges the store with what the fallback still holds; what fails is not tried again. Resolves to the units charged. */
  async #reconcile(admitted: readonly AdmittedUnits[]): Promise<number> {
    let units = 0;
    for (let i = 0; i < admitted.length; i += reconcileWidth) {
      // A key whose charge failed is left out: the store is charged at most.
      const charges = admitted.slice(i, i + reconcileWidth).map((entry) => this.#reconcileKey(entry).catch(() => 0));
      for (const charged of await Promise.all(charges)) units += charged;
    }
    return units;
  }

  async #reconcileKey(entry: AdmittedUnits): Promise<number> {
    const { key, policy } = entry;
    const reading = await (this.fallback as Fallback).ask(key, policy, { kind: 'peek', cost: 0 }, true);
    const { atUs } = chargeOf(reading) as Charge;
    const isBlocked = !reading.allowed && reading.reason === 'blocked';
    // Each limit is charged with what its own share still holds: a short window may be over while a long one is not.
    const charges = reading.policies.map(async ({ limit, remaining, resetAtMs }, i) => {
      const held = isBlocked
        ? heldWhileBlocked(policy.shares[i] as Limit, entry, atUs, Math.round(resetAtMs * 1000))
        : limit - remaining;
      const cost = Math.min(entry.units, held);
      const only = policy.limits.slice(i, i + 1);
      if (cost === 0) return 0;
      await this.ask(key, { limits: only }, { kind: 'penalize', cost });
      return cost;
    });
    return Math.max(...(await Promise.all(charges)));
  }
}
