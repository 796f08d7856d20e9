import { checkKey } from '../keys.js';
import { checkOptions, invalid, optional, optionsObject } from '../validate.js';
import type { AcquireOptions, Lock, Locks, LockSession, TryAcquireOptions, TryAcquireResult } from './api.js';
import type { LockState, ReleaseSessionReply } from './contract.js';
import { checkMetadata } from './want.js';

type Metadata = Readonly<Record<string, string>>;

/** What a session asks of its manager. */
export interface SessionDesk extends Pick<Locks, 'acquire' | 'tryAcquire' | 'withLock' | 'list'> {
  releaseSessionFor(id: string, cause: 'explicit' | 'dispose'): Promise<ReleaseSessionReply>;
}

/** A session is a name that leases carry: it keeps no list of its own, so that any process can release it. */
export class Session implements LockSession {
  readonly id: string;
  readonly #desk: SessionDesk;
  readonly #metadata: Metadata | undefined;

  constructor(desk: SessionDesk, id: string, options: { readonly metadata?: Metadata | undefined }) {
    this.id = checkKey('id', id);
    this.#desk = desk;
    this.#metadata = checkOptions('options', options, { metadata: optional(checkMetadata, undefined) }).metadata;
  }

  acquire(key: string, options: AcquireOptions = {}): Promise<Lock> {
    return this.#with(options, (own) => this.#desk.acquire(key, own));
  }

  tryAcquire(key: string, options: TryAcquireOptions = {}): Promise<TryAcquireResult> {
    return this.#with(options, (own) => this.#desk.tryAcquire(key, own));
  }

  withLock<T>(key: string, work: (lock: Lock) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    return this.#with(options, (own) => this.#desk.withLock(key, work, own));
  }

  list(): AsyncIterable<LockState> {
    return this.#desk.list({ sessionId: this.id });
  }

  releaseAll(): Promise<ReleaseSessionReply> {
    return this.#desk.releaseSessionFor(this.id, 'explicit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#desk.releaseSessionFor(this.id, 'dispose');
  }

  async #with<T, O extends TryAcquireOptions>(options: O, call: (own: O) => Promise<T>): Promise<T> {
    const { sessionId, metadata } = optionsObject('options', options);
    if (sessionId !== undefined && sessionId !== this.id) {
      throw invalid('sessionId', `absent, or this session's own id \`${this.id}\``, sessionId);
    }
    const both =
      metadata === undefined ? this.#metadata : { ...this.#metadata, ...checkMetadata('metadata', metadata) };
    return call({ ...options, sessionId: this.id, metadata: both });
  }
}
