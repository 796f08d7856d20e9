import { decodeHolder, decodeState } from './wire.js';
import { sha256Hex } from './key-id.js';
import type { HolderInfo, LockState } from '@headgate/core';
import type { Names } from '../names.js';
import type { Inbox } from './inbox.js';
import type { KeyId } from './key-id.js';
import type { EncodedHolder, EncodedState } from './wire.js';

/** A lease that somebody wants back, as `lock_evict_v1` found it. */
export interface Wanted {
  readonly key: string;
  readonly own: boolean;
  readonly lockId: string;
  readonly holder: HolderInfo;
}

const pageSize = 500;
/** How long a holder may take to answer before `terminate` ends it, milliseconds. */
const answerMs = 300;

/** What operators ask of the whole database, through the connection that waits. */
export class Operator {
  readonly #inbox: Inbox;
  readonly #names: Names;
  readonly #channel: string;

  constructor(inbox: Inbox, names: Names, channel: string) {
    this.#inbox = inbox;
    this.#names = names;
    this.#channel = channel;
  }

  async inspect(id: KeyId): Promise<LockState | null> {
    const [state] = await this.#states([id.hash, id.lockId, '', null, null, 1]);
    return state?.state ?? null;
  }

  async *list(prefix: string, sessionId: string | undefined): AsyncGenerator<LockState> {
    const session = sessionId === undefined ? null : sha256Hex(sessionId);
    let after: string | null = null;
    for (;;) {
      const page: { hash: string; state: LockState }[] = await this.#states([
        null,
        null,
        hexOf(prefix),
        session,
        after,
        pageSize,
      ]);
      for (const { state } of page) yield state;
      if (page.length < pageSize) return;
      after = (page.at(-1) as { hash: string }).hash;
    }
  }

  /** A token above all that were issued for the key, and written, so that the next grant is above it. */
  async bump(id: KeyId): Promise<number> {
    const sql = `SELECT ${this.#names.of('lock_bump_v1')}($1, decode($2, 'hex'), decode($3, 'hex'))::float8 AS token`;
    const [row] = await this.#inbox.query<{ token: number }>(sql, [id.lockId, id.hash, id.hex]);
    return (row as { token: number }).token;
  }

  /** Tells the holders of a key (or one of them) to let go. */
  evictKey(id: KeyId, leaseId: string | undefined): Promise<Wanted[]> {
    return this.#evict('forced', [id.lockId, id.hash, leaseId ?? null, null, '']);
  }

  /** Tells the holders of a session's leases to let go. */
  evictSession(prefix: string, sessionId: string): Promise<Wanted[]> {
    return this.#evict('session', [null, null, null, sha256Hex(sessionId), hexOf(prefix)]);
  }

  /** Ends the backends of those leases that are still held after a short time to answer; answers what was lost with them. */
  async terminate(
    id: KeyId,
    leaseIds: readonly string[],
  ): Promise<{ readonly key: string; readonly leaseId: string }[]> {
    const sql = `SELECT count(*)::int AS held FROM ${this.#names.of('leases')} WHERE lock_id = $1 AND lease_id = ANY($2)`;
    for (let waited = 0; waited < answerMs; waited += 50) {
      const [row] = await this.#inbox.query<{ held: number }>(sql, [id.lockId, leaseIds]);
      if (row?.held === 0) return [];
      // Keeps the process alive, unlike waiting for a lock: somebody wants this done, and it is over soon.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const [row] = await this.#inbox.query<{ answer: [string[], [string, string][]] }>(
      `SELECT ${this.#names.of('lock_terminate_v1')}($1, $2) AS answer`,
      [id.lockId, leaseIds],
    );
    return (row as { answer: [string[], [string, string][]] }).answer[1].map(([key, leaseId]) => ({
      key: textOf(key),
      leaseId,
    }));
  }

  /** Takes a waiter out of the queue; whoever is first now is told, since it may have been its turn. */
  async cancelWait(id: KeyId, leaseId: string): Promise<void> {
    const sql = `WITH gone AS (DELETE FROM ${this.#names.of('waiters')} WHERE lock_id = $1 AND lease_id = $2 RETURNING lock_id)
      SELECT ${this.#names.of('lock_wake_v1')}(lock_id) FROM gone`;
    await this.#inbox.query(sql, [id.lockId, leaseId]);
  }

  async #states(values: readonly unknown[]): Promise<{ hash: string; state: LockState }[]> {
    const sql = `SELECT encode(key_hash, 'hex') AS hash, state FROM ${this.#names.of('lock_list_v1')}(
      decode($1, 'hex'), $2, decode($3, 'hex'), decode($4, 'hex'), decode($5, 'hex'), $6)`;
    const rows = await this.#inbox.query<{ hash: string; state: EncodedState }>(sql, values);
    return rows.map(({ hash, state }) => ({ hash, state: decodeState(state) }));
  }

  async #evict(reason: string, values: readonly unknown[]): Promise<Wanted[]> {
    const sql = `SELECT ${this.#names.of('lock_evict_v1')}($1, $2, $3, decode($4, 'hex'), $5, decode($6, 'hex'), decode($7, 'hex')) AS found`;
    type Found = readonly [keyHex: string, channel: string, lockId: string, holder: EncodedHolder];
    const [row] = await this.#inbox.query<{ found: Found[] }>(sql, [this.#channel, reason, ...values]);
    return (row as { found: Found[] }).found.map(([key, channel, lockId, holder]) => ({
      key: textOf(key),
      own: channel === this.#channel,
      lockId,
      holder: decodeHolder(holder),
    }));
  }
}

function hexOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex');
}

function textOf(hex: string): string {
  return Buffer.from(hex, 'hex').toString('utf8');
}
