import { plainAnswer } from './answer.js';
import { Call } from './call.js';
import { decisionsBy } from './decision.js';
import { Lanes } from './lanes.js';
import { asItIs, decideNowOf } from './decide-now.js';
import { costOf } from './ops.js';
import { ReconcileLedger } from './reconcile.js';
import type { Decision } from './api.js';
import type { CallHandler } from './call.js';
import type { LimiterAnswerNow, LimiterOp, LimiterStore } from './contract.js';
import type { Charge } from './decision.js';
import type { LanesOptions } from './lanes.js';
import type { SharedPolicy } from './policy.js';

/** What a {@link Fallback} needs beside what it shares with the store's own lanes. */
export interface FallbackSetup {
  readonly name: string;
  readonly store: LimiterStore;
  readonly reconcile: boolean;
  readonly owner: object;
}

/** The limiter's second store, which admits this process's share while the first is away. */
export class Fallback {
  readonly store: LimiterStore;
  /** Present when what was admitted is to be charged to the store on its return. */
  readonly ledger: ReconcileLedger | undefined;
  readonly #setup: FallbackSetup;
  readonly #lanes: Lanes;

  constructor(setup: FallbackSetup, lanes: Omit<LanesOptions, 'store' | 'onContact'>) {
    this.store = setup.store;
    this.ledger = setup.reconcile ? new ReconcileLedger() : undefined;
    this.#setup = setup;
    this.#lanes = new Lanes({ ...lanes, store: setup.store });
  }

  get isSync(): boolean {
    return this.store.decideNow !== undefined;
  }

  /**
   * Decides under the policy's shares. A cost above a share but not above the limit is not *never*: it is admitted when the whole share is free, and takes all of
   * it. `sent` says that the store may have acted on the operation, which keeps it out of the reconciliation.
   */
  ask(
    key: string,
    policy: SharedPolicy,
    op: LimiterOp,
    sent: boolean,
    signal?: AbortSignal,
  ): Decision | Promise<Decision> {
    const clamped = clamp(policy, op);
    if (this.isSync) {
      const decide = (policy.standIn ??= decideNowOf(this.store, this.#setup.name, policy.shares, asItIs));
      return this.#decision(key, policy, op, sent, decide(key, clamped));
    }
    const handler: CallHandler = {
      decided: (_call, answer) => this.#decision(key, policy, op, sent, answer),
      failed: (_call, error) => {
        throw error;
      },
      withdraw: (call) => this.#lanes.withdraw(call),
    };
    const call = new Call(handler, key, policy, policy.shares, clamped, signal);
    return call.run((sending) => this.#lanes.submit(sending));
  }

  /** Gives back `units` of what a decision of this fallback was charged. */
  async refund(decision: Decision, charge: Charge, units: number, signal?: AbortSignal): Promise<Decision> {
    const { key, limits, atUs } = charge;
    const answer = await this.ask(key, { limits, shares: limits }, { kind: 'refund', cost: units, atUs }, true, signal);
    this.ledger?.subtract(decision, units);
    return answer;
  }

  close(): Promise<void> {
    return this.#lanes.idle();
  }

  #decision(key: string, policy: SharedPolicy, op: LimiterOp, sent: boolean, answer: LimiterAnswerNow): Decision {
    const cost = costOf(op);
    // Refused as *never* by a share, it is the limit that it names.
    const told =
      answer.reason === 'capacity'
        ? { ...plainAnswer(answer), violated: policy.limits.findIndex(({ limit }) => cost > limit) }
        : answer;
    const granted = op.kind === 'consume' && answer.allowed ? cost : answer.granted;
    const decision = decisionsBy(policy.shares, 'fallback', this.#setup.owner, granted)(key, told);
    if (!sent && answer.granted > 0) this.ledger?.add(decision, key, policy, answer.granted, answer.atUs);
    return decision;
  }
}

function clamp(policy: SharedPolicy, op: LimiterOp): LimiterOp {
  if ((op.kind !== 'consume' && op.kind !== 'peek') || policy.shares === policy.limits) return op;
  if (policy.limits.some(({ limit }) => op.cost > limit)) return op;
  const share = Math.min(...policy.shares.map(({ limit }) => limit));
  return op.cost > share ? { kind: op.kind, cost: share } : op;
}
