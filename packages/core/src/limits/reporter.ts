import { InvalidArgumentError } from '../errors.js';
import { costOf } from './ops.js';
import type { Emitter } from '../hooks/emitter.js';
import type { Decision } from './api.js';
import type { LimiterOp } from './contract.js';

/** Emits exactly one `onDecision` for each operation it watches. */
export class DecisionReporter {
  readonly #emitter: Emitter;
  readonly #limiter: string;
  readonly #store: string;
  readonly #interest: () => boolean;

  constructor(emitter: Emitter, limiter: string, store: string) {
    this.#emitter = emitter;
    this.#limiter = limiter;
    this.#store = store;
    this.#interest = emitter.interest('onDecision');
  }

  /** Whether anybody listens; nothing else needs to be called when nobody does. */
  get isWatched(): boolean {
    return this.#interest();
  }

  watch(deciding: Promise<Decision>, op: LimiterOp): Promise<Decision> {
    if (!this.isWatched) return deciding;
    return deciding.then(
      (decision) => {
        this.#report(op, decision);
        return decision;
      },
      (error: unknown) => {
        this.#report(op);
        throw error;
      },
    );
  }

  watchNow(decide: () => Decision | Promise<Decision>, op: LimiterOp): Decision | Promise<Decision> {
    let decision: Decision | Promise<Decision>;
    try {
      decision = decide();
    } catch (error) {
      // A caller's mistake is no decision, whichever store would have been asked.
      if (!(error instanceof InvalidArgumentError)) this.#report(op);
      throw error;
    }
    if (decision instanceof Promise) return this.watch(decision, op);
    this.#report(op, decision);
    return decision;
  }

  /** Without a decision there was an error. */
  #report(op: LimiterOp, decision?: Decision): void {
    const denied = decision?.allowed === false ? decision : undefined;
    this.#emitter.emit('onDecision', {
      limiter: this.#limiter,
      store: this.#store,
      outcome: denied ? 'denied' : decision ? 'allowed' : 'error',
      source: decision?.source ?? 'store',
      cost: costOf(op),
      ...(denied && { reason: denied.reason }),
      ...(denied?.violated !== undefined && { violated: denied.violated }),
    });
  }
}
