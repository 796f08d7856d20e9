import { LockLostError } from '../errors.js';
import type { HolderInfo, LockLostReason } from '../errors.js';
import type { Lock } from './api.js';
import type { LockMode } from './contract.js';
import type { Tenure } from './tenure.js';
import type { Want } from './want.js';

/** What a handle asks of the manager that made it. */
export interface LeaseDesk {
  monotonicMs(): number;
  /** The lease's deadline was seen to have passed. */
  expire(tenure: Tenure): void;
  extend(lease: Lease, ttlMs: number | undefined): Promise<void>;
  release(lease: Lease): Promise<{ readonly released: boolean; readonly reason?: string }>;
}

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
  readonly #desk: LeaseDesk;
  #state: 'held' | 'releasing' | 'released' | 'lost' = 'held';
  #lostReason: LockLostReason = 'closed';
  #lostError: LockLostError | undefined;
  #controller: AbortController | undefined;
  #releasing: Promise<{ readonly released: boolean; readonly reason?: string }> | undefined;

  constructor(want: Want, tenure: Tenure, fencingToken: number, desk: LeaseDesk) {
    this.key = want.key;
    this.mode = want.mode;
    this.leaseId = tenure.leaseId;
    this.ownerId = want.ownerId;
    if (want.sessionId !== undefined) this.sessionId = want.sessionId;
    this.fencingToken = fencingToken;
    this.tenure = tenure;
    this.startedMs = desk.monotonicMs();
    this.#metadata = want.metadata;
    this.#desk = desk;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#state === 'lost') this.#controller.abort(this.lostError());
    }
    return this.#controller.signal;
  }

  get expiresAtMs(): number {
    return this.tenure.expiresAtMs;
  }

  get held(): boolean {
    return this.#state === 'held' && this.#desk.monotonicMs() < this.tenure.deadlineMs;
  }

  assertHeld(): void {
    if (this.held) return;
    if (this.#state === 'held') this.#desk.expire(this.tenure);
    throw this.lostError();
  }

  extend(ttlMs?: number): Promise<void> {
    return this.#desk.extend(this, ttlMs);
  }

  release(): Promise<{ readonly released: boolean; readonly reason?: string }> {
    this.#releasing ??= this.#desk.release(this).catch((error: unknown) => {
      // The store did not answer: the caller may try once more.
      this.#releasing = undefined;
      throw error;
    });
    return this.#releasing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** Whether nobody has released the lease or taken it away, whatever the clock says. */
  get open(): boolean {
    return this.#state === 'held';
  }

  /** Why the lease was lost; `undefined` unless it was. */
  get lostReason(): LockLostReason | undefined {
    return this.#state === 'lost' ? this.#lostReason : undefined;
  }

  /** The holder asked for its release: from here on nothing aborts the signal. */
  beginRelease(): void {
    this.#state = 'releasing';
  }

  endRelease(): void {
    this.#state = 'released';
  }

  /** The lease is gone: aborts the signal. */
  lose(reason: LockLostReason): void {
    this.#state = 'lost';
    this.#lostReason = reason;
    this.#controller?.abort(this.lostError());
  }

  lostError(): LockLostError {
    return (this.#lostError ??= this.makeLostError());
  }

  /** The error of a lost lease, with what the work under it threw. */
  makeLostError(cause?: unknown): LockLostError {
    const { key, fencingToken } = this;
    const reason = this.#lostReason;
    const message =
      this.#state === 'lost' ? `Lock ${key} was lost: ${reasons[reason]}` : `Lock ${key} was released by its holder`;
    return new LockLostError(message, { key, fencingToken, reason, cause });
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
