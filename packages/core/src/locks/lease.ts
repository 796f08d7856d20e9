import { LockLostError } from '../errors.js';
import type { HolderInfo, LockLostReason } from '../errors.js';
import type { Lock } from './api.js';
import type { LockContext } from './context.js';
import type { LockMode } from './contract.js';
import { extend } from './extending.js';
import type { Released } from './releasing.js';
import type { Tenure } from './tenure.js';
import type { Want } from './want.js';

/** The handle that a caller gets; see {@link Lock}. */
export class Lease implements Lock {
  readonly key: string;
  readonly mode: LockMode;
  readonly leaseId: string;
  readonly ownerId: string;
  declare readonly sessionId?: string;
  readonly fencingToken: number;
  readonly tenure: Tenure;
  readonly startedMs: number;
  readonly #metadata: Readonly<Record<string, string>> | undefined;
  readonly #context: LockContext;
  /** Whether nobody has released the lease or taken it away, whatever the clock says. */
  open = true;
  /** Why the lease was lost; `undefined` unless it was. */
  lostReason: LockLostReason | undefined;
  #lostError: LockLostError | undefined;
  #controller: AbortController | undefined;
  #releasing: Promise<Released> | undefined;

  /** Gives the tenure's next token to a holder. */
  constructor(context: LockContext, want: Want, tenure: Tenure) {
    this.key = want.key;
    this.mode = want.mode;
    this.leaseId = tenure.leaseId;
    this.ownerId = want.ownerId;
    if (want.sessionId !== undefined) this.sessionId = want.sessionId;
    this.fencingToken = tenure.nextToken++;
    this.tenure = tenure;
    this.startedMs = context.clock.monotonicMs();
    this.#metadata = want.metadata;
    this.#context = context;
    tenure.lease = this;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.lostReason) this.#controller.abort(this.lostError());
    }
    return this.#controller.signal;
  }

  get expiresAtMs(): number {
    return this.tenure.expiresAtMs;
  }

  get held(): boolean {
    return this.open && this.#context.clock.monotonicMs() < this.tenure.deadlineMs;
  }

  assertHeld(): void {
    if (this.held) return;
    if (this.open) this.#context.tenures.lose(this.tenure, 'expired');
    throw this.lostError();
  }

  extend(ttlMs?: number): Promise<void> {
    return extend(this.#context, this, ttlMs);
  }

  release(): Promise<Released> {
    this.#releasing ??= this.#context.release(this).catch((error: unknown) => {
      // The store did not answer: the caller may try once more.
      this.#releasing = undefined;
      throw error;
    });
    return this.#releasing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** The lease is gone: aborts the signal. */
  lose(reason: LockLostReason): void {
    this.open = false;
    this.lostReason = reason;
    this.#controller?.abort(this.lostError());
  }

  lostError(): LockLostError {
    return (this.#lostError ??= this.makeLostError());
  }

  /** The error of a lost lease, with what the work under it threw. */
  makeLostError(cause?: unknown): LockLostError {
    const { key, fencingToken, lostReason: reason = 'closed' } = this;
    const what = this.lostReason ? `lost: ${reasons[reason]}` : 'released by its holder';
    return new LockLostError(`Lock ${key} was ${what}`, { key, fencingToken, reason, cause });
  }

  /** What others are told of the holder, less its times. */
  holder(): Omit<HolderInfo, 'acquiredAtMs' | 'expiresAtMs'> {
    const { leaseId, ownerId, sessionId, fencingToken } = this;
    const metadata = this.#metadata;
    return { leaseId, ownerId, ...(sessionId && { sessionId }), fencingToken, ...(metadata && { metadata }) };
  }
}

const reasons: Readonly<Record<LockLostReason, string>> = {
  expired: 'its deadline passed before it could be extended',
  stolen: 'somebody else holds it',
  forced: 'it was released by force',
  session: 'its session was released',
  connection: 'the connection that held it ended',
  closed: 'its manager or store was closed',
};
