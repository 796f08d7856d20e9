import { StoreError } from '@headgate/core';
import { isServerError, storeName, toStoreError } from '../errors.js';
import { connectHolding, keepsAlive, pooledError } from './connect.js';
import { Gathering } from './gathering.js';
import { Standing } from './standing.js';
import { togetherOf } from './together.js';
import type { StoreError as StoreFailure } from '@headgate/core';
import type pg from 'pg';
import type { Names } from '../names.js';
import type { ConnectionOptions } from './connect.js';
import type { Batch, Operation } from './gathering.js';
import type { AcquireTuple } from './wire.js';

/** What a holding connection needs to know of its store. */
export interface HoldingOptions {
  readonly connection: ConnectionOptions;
  readonly names: Names;
  readonly channel: string;
  readonly idleMs: number;
  readonly stuckMs: number;
  /** The connection is gone, with every lock on it; told once, at once. */
  readonly onGone: (connection: HoldingConnection) => void;
}

/** How many statements may be on their way: full batches do not wait for the answer to the one before, so that the server always has something to do. */
const mostAhead = 4;
/** Without leases for this long, a connection is closed. */
const keepIdleMs = 60_000;
let connections = 0;

/**
 * A session that holds advisory locks. Operations that come while a statement is under way gather and leave together. Statements are the heartbeat: the
 * server ends the session `idleMs` after the last one, which is no sooner than any lease on it ends; only an idle connection needs one of its own.
 */
export class HoldingConnection {
  readonly idleMs: number;
  pid = 0;
  gone = false;
  leases = 0;
  readonly #options: HoldingOptions;
  readonly #id: string;
  readonly #statement: string;
  readonly #standStatement: string;
  readonly #standing = new Standing();
  #client: pg.Client | undefined;
  readonly #gathering = new Gathering();
  readonly #underWay = new Set<Batch>();
  /** Statements on their way; one that nothing may follow, as while the session is being opened, counts as all that may be. */
  #statements = mostAhead;
  /** Statements without an answer, and what ends the session when the server says nothing for too long. */
  #unanswered = 0;
  #stuck: NodeJS.Timeout | undefined;
  #scheduled = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #lastUsedMs = performance.now();
  #currentIdleMs: number;

  constructor(options: HoldingOptions) {
    this.#options = options;
    this.idleMs = options.idleMs;
    this.#currentIdleMs = options.idleMs;
    this.#id = `${options.channel}_${(connections += 1)}`;
    this.#statement = `SELECT ${options.names.of('lock_batch_v1')}($1) AS replies`;
    this.#standStatement = `SELECT ${options.names.of('lock_stand_v1')}($1) AS replies`;
    void this.#open();
  }

  /** Sends an operation with the next batch. Rejects with a `StoreError`; nothing of a rejected operation is held. */
  submit<T>(
    lockId: string,
    acquires: boolean,
    make: () => Operation | undefined,
    stands = false,
  ): Promise<T | undefined> {
    if (this.gone) return Promise.reject(this.#goneError());
    return new Promise<T | undefined>((resolve, reject) => {
      this.#gathering.add({ make, lockId, stands, resolve: resolve as (reply: unknown) => void, reject }, acquires);
      // A full batch does not wait for the end of the turn: the server works while the process goes on asking.
      if (this.#gathering.full && this.#statements < mostAhead) void this.#flush();
      else this.#schedule();
    });
  }

  /** Whether the session has nothing better to do than to wait at this lock. */
  mayStandAt(lockId: string): boolean {
    return this.leases === 0 && this.#standing.pays(lockId);
  }

  /** Lets the session live for leases of a longer class than its own; back to its own when the last lease has gone. */
  async lengthen(idleMs: number): Promise<void> {
    if (idleMs <= this.#currentIdleMs) return;
    this.#currentIdleMs = idleMs;
    await this.#setIdle(idleMs);
  }

  /** A lease of this connection is gone, or its release on the way. */
  released(): void {
    this.leases -= 1;
    if (this.leases > 0 || this.#currentIdleMs === this.idleMs || this.gone) return;
    this.#currentIdleMs = this.idleMs;
    this.#setIdle(this.idleMs).catch((error: unknown) => this.#die(toStoreError(error)));
  }

  async #setIdle(idleMs: number): Promise<void> {
    if (!this.#client || this.gone) throw this.#goneError();
    await this.#client.query("SELECT set_config('idle_session_timeout', $1, false)", [String(idleMs)]);
  }

  /** Ends the session, and with it every lock on it. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#die(new StoreError('The store was closed', { store: storeName, kind: 'connection' }));
    await client?.end().catch(() => {});
  }

  async #open(): Promise<void> {
    const { connection, names, idleMs } = this.#options;
    try {
      const { client, pid } = await connectHolding(connection, names, this.#id, idleMs);
      if (this.gone) {
        void client.end().catch(() => {});
        return;
      }
      this.#client = client;
      this.pid = pid;
      client.on('error', (error) => this.#die(toStoreError(error)));
      client.on('end', () => this.#die(this.#goneError()));
      this.#heartbeat = setInterval(() => this.#beat(), Math.max(50, idleMs / 3)).unref();
      this.#statements = 0;
      this.#rest();
      this.#schedule();
    } catch (error) {
      this.#die(toStoreError(error));
    }
  }

  #schedule(): void {
    if (this.#statements > 0 || this.#scheduled || this.gone || this.#gathering.size === 0) return;
    this.#scheduled = true;
    // Calls of the same turn leave together.
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#statements === 0 && !this.gone) void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#gathering.next(this.#underWay);
    const { entries } = batch;
    if (entries.length === 0) {
      // What stays behind a batch under way goes on when that one is done.
      if (this.#underWay.size === 0) this.#schedule();
      return;
    }
    if (this.#client) keepsAlive(this.#client, true);
    // Where it would keep nobody from anything; a batch under way may come to have leases.
    const alone = entries.length === 1 && this.leases + this.#underWay.size === 0 ? entries[0]?.item : undefined;
    const stands = alone?.stands === true && this.#standing.pays(alone.lockId);
    const weight = stands ? mostAhead : 1;
    this.#statements += weight;
    this.#underWay.add(batch);
    const ops = entries.map(({ op }) => op);
    this.#standing.used(ops);
    try {
      const replies = await this.#send(ops, stands);
      if (stands && (replies[0] as AcquireTuple)[0] === 0) this.#standing.stoodInVain();
      this.#statements -= weight;
      // The server goes on while the process looks at what it said.
      if (this.#gathering.size > 0 && (this.#gathering.full || this.#statements === 0) && !this.gone)
        void this.#flush();
      entries.forEach(({ item }, i) => item.resolve(replies[i]));
    } catch (error) {
      if (entries.length > 1 && isServerError(error) && !this.gone) await this.#oneByOne(batch);
      else for (const { item } of entries) item.reject(this.#explained(error));
      this.#statements -= weight;
    }
    // Who asked takes note of the answer before anything else is made of the same locks.
    await undefined;
    this.#underWay.delete(batch);
    this.#rest();
    this.#schedule();
  }

  /** The server undid the batch because of one of its operations: each gets a statement and an error of its own. */
  async #oneByOne({ entries }: Batch): Promise<void> {
    for (const { item, op } of entries) {
      try {
        item.resolve((await this.#send([op]))[0]);
      } catch (error) {
        item.reject(this.#explained(error));
      }
    }
  }

  async #send(ops: readonly Operation[], stands = false): Promise<readonly unknown[]> {
    const client = this.#client;
    if (!client || this.gone) throw this.#goneError();
    const together = togetherOf(ops);
    const batch = {
      c: this.#id,
      n: this.#options.channel,
      ...(stands ? { s: 1 } : {}),
      o: ops,
      ...(together.length > 0 ? { m: together } : {}),
    };
    this.#unanswered += 1;
    if (this.#unanswered === 1) this.#expectAnswer();
    try {
      const { rows } = await client.query<{ replies: readonly unknown[] }>({
        name: this.#options.names.statement(stands ? 'stand' : 'locks'),
        text: stands ? this.#standStatement : this.#statement,
        values: [JSON.stringify(batch)],
      });
      this.#lastUsedMs = performance.now();
      return (rows[0] as { replies: readonly unknown[] }).replies;
    } finally {
      this.#unanswered -= 1;
      this.#expectAnswer();
    }
  }

  #expectAnswer(): void {
    clearTimeout(this.#stuck);
    if (this.#unanswered === 0 || this.gone) return;
    const { stuckMs } = this.#options;
    this.#stuck = setTimeout(() => {
      const message = `The lock connection did not answer within ${stuckMs} ms`;
      this.#die(new StoreError(message, { store: storeName, kind: 'timeout' }));
    }, stuckMs);
  }

  #beat(): void {
    if (this.#statements > 0 || this.gone) return;
    const idleForMs = performance.now() - this.#lastUsedMs;
    if (this.leases === 0 && idleForMs > keepIdleMs) {
      void this.close();
      return;
    }
    // Leases are extended by their owners, whose statements keep the session; one that is not extended must not be kept by us.
    if (this.leases > 0) return;
    this.#statements = mostAhead;
    this.#client?.query('SELECT 1').then(
      () => {
        this.#statements = 0;
        this.#schedule();
      },
      (error: unknown) => this.#die(toStoreError(error)),
    );
  }

  /** A connection at rest keeps no process alive; whoever holds a lease has a timer for it. */
  #rest(): void {
    if (this.#statements === 0 && this.#client) keepsAlive(this.#client, false);
  }

  #die(reason: StoreFailure): void {
    if (this.gone) return;
    this.gone = true;
    clearInterval(this.#heartbeat);
    const client = this.#client;
    const left = this.#gathering.clear();
    this.#options.onGone(this);
    for (const item of left) item.reject(reason);
    // A connection that hangs would wait for its goodbye to be answered.
    (
      client as unknown as { readonly connection?: { readonly stream: { destroy(): void } } } | undefined
    )?.connection?.stream.destroy();
  }

  #explained(error: unknown): StoreFailure {
    if (isServerError(error) && error.code === 'HG001') {
      const refusal = pooledError(error);
      this.#die(refusal);
      return refusal;
    }
    return toStoreError(error);
  }

  #goneError(): StoreFailure {
    return new StoreError('The lock connection was lost', { store: storeName, kind: 'connection' });
  }
}
