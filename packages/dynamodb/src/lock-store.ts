import { resolveOptions } from './client.js';
import { itemKey } from './keys.js';
import { heldLocks } from './lock-index.js';
import { LockItems } from './lock-items.js';
import { acquire, cancel, evict, extend, issueToken, release, toState } from './lock-steps.js';
import { acquireAll } from './lock-transaction.js';
import type {
  AcquireReply,
  AcquireRequest,
  AcquireAllReply,
  ExtendReply,
  ExtendRequest,
  ForceReleaseReply,
  HolderInfo,
  LeaseRef,
  LockCapabilities,
  LockFilter,
  LockState,
  LockStore,
  ReleaseReply,
  ReleaseRequest,
  ReleaseSessionReply,
  StoreCallOptions,
} from '@headgate/core';
import type { DynamoStoreOptions, ResolvedOptions } from './client.js';
import type { Decide } from './lock-items.js';

/** Options of {@link dynamoLockStore}. */
export interface DynamoLockStoreOptions extends DynamoStoreOptions {}

/**
 * Locks in a DynamoDB table, one item per key, kept after the release so that tokens rise. An attempt on a free or held lock is one conditional write, and
 * so is an extension or a release; while somebody holds it, waiting costs reads. A lease that was not extended is free to others when it has ended by
 * every clock within `maxSkewMs`, or when it was watched unchanged for longer than its ttl. Throws `InvalidArgumentError` for options that cannot
 * work; owns no connection.
 */
export function dynamoLockStore(options: DynamoLockStoreOptions): LockStore {
  return new DynamoLockStore(resolveOptions(options));
}

class DynamoLockStore implements LockStore {
  readonly name: string;
  readonly clock = 'client';
  readonly capabilities: LockCapabilities;
  /** Absent where there are no transactions. */
  readonly acquireAll?: NonNullable<LockStore['acquireAll']>;
  readonly #options: ResolvedOptions;
  readonly #items: LockItems;

  constructor(options: ResolvedOptions) {
    const hasTransactions = options.emulator !== 'dynalite';
    this.name = options.name;
    this.capabilities = Object.freeze({
      shared: true,
      permits: true,
      wake: 'poll',
      fairQueue: false,
      remoteRelease: 'immediate',
      atomicAcquireAll: hasTransactions,
      tokensSurviveDataLoss: true,
      // The bound itself, and once more for a taker whose clock is behind by as much.
      expirySlackMs: () => 2 * options.maxSkewMs,
    } satisfies LockCapabilities);
    this.#options = options;
    this.#items = new LockItems(options);
    if (hasTransactions) this.acquireAll = (requests, call) => this.#acquireAll(requests, call);
  }

  async acquire(request: AcquireRequest, { signal }: StoreCallOptions = {}): Promise<AcquireReply> {
    await this.#items.table.ready();
    const decide: Decide<AcquireReply> = (record, view) => acquire(record, request, view);
    return this.#items.change({ key: itemKey('lock', request.key), decide }, { blind: true, signal });
  }

  async cancelWait({ key, leaseId }: LeaseRef, { signal }: StoreCallOptions = {}): Promise<void> {
    await this.#items.table.ready();
    await this.#items.change(
      { key: itemKey('lock', key), decide: (record, view) => cancel(record, leaseId, view) },
      { signal },
    );
  }

  async extend(requests: readonly ExtendRequest[], { signal }: StoreCallOptions = {}): Promise<readonly ExtendReply[]> {
    await this.#items.table.ready();
    return byKey(requests, (groups) =>
      this.#items.prolongAll(
        groups.map(({ key, members }) => ({
          key: itemKey('lock', key),
          decide: ((record, view) => extend(record, members, view)) satisfies Decide<readonly ExtendReply[]>,
        })),
        signal,
      ),
    );
  }

  async release(
    requests: readonly ReleaseRequest[],
    { signal }: StoreCallOptions = {},
  ): Promise<readonly ReleaseReply[]> {
    await this.#items.table.ready();
    // `next` is left to core: served here it would win every time, and waiters of other processes only poll.
    return byKey(requests, (groups) =>
      Promise.all(
        groups.map(({ key, members }) =>
          this.#items.change(
            { key: itemKey('lock', key), decide: (record, view) => release(record, members, view) },
            { signal },
          ),
        ),
      ),
    );
  }

  async inspect(key: string, { signal }: StoreCallOptions = {}): Promise<LockState | null> {
    await this.#items.table.ready();
    const known = await this.#items.read(itemKey('lock', key), signal);
    return known ? toState(key, known.record, this.#items.view(known)) : null;
  }

  async *list({ prefix, sessionId }: LockFilter, { signal }: StoreCallOptions = {}): AsyncIterable<LockState> {
    await this.#items.table.ready();
    for await (const { key, known } of heldLocks(this.#items, sessionId, signal)) {
      const state = key.startsWith(prefix) ? toState(key, known.record, this.#items.view(known)) : null;
      const isMeant = sessionId === undefined || state?.holders.some((holder) => holder.sessionId === sessionId);
      if (state && isMeant) yield state;
    }
  }

  async releaseSession(
    { prefix, sessionId }: { readonly prefix: string; readonly sessionId: string },
    { signal }: StoreCallOptions = {},
  ): Promise<ReleaseSessionReply> {
    await this.#items.table.ready();
    const released: string[] = [];
    for await (const { key, itemKey: at } of heldLocks(this.#items, sessionId, signal)) {
      if (!key.startsWith(prefix)) continue;
      const decide: Decide<readonly HolderInfo[]> = (record, view) =>
        evict(record, (holder) => holder.sessionId === sessionId, 'session', view);
      if ((await this.#items.change({ key: at, decide }, { signal })).length > 0) released.push(key);
    }
    return { released, pending: [] };
  }

  async forceRelease(
    key: string,
    { signal, leaseId }: StoreCallOptions & { readonly leaseId?: string } = {},
  ): Promise<ForceReleaseReply> {
    await this.#items.table.ready();
    const decide: Decide<ForceReleaseReply> = (record, view) => {
      const { reply, next } = evict(
        record,
        (holder) => leaseId === undefined || holder.leaseId === leaseId,
        'forced',
        view,
      );
      const after = issueToken(next ?? record, view);
      return { reply: { released: reply, pending: [], fencingToken: after.lastToken, collateral: [] }, next: after };
    };
    return this.#items.change({ key: itemKey('lock', key), decide }, { signal });
  }

  async close(): Promise<void> {
    this.#items.table.close();
  }

  async #acquireAll(requests: readonly AcquireRequest[], { signal }: StoreCallOptions = {}): Promise<AcquireAllReply> {
    await this.#items.table.ready();
    return acquireAll(this.#items, requests, this.#options.place, signal);
  }
}

/** Serves requests grouped by key, since an item is written once for all of them, and returns the replies in the order of the requests. */
async function byKey<Request extends { readonly key: string }, Reply>(
  requests: readonly Request[],
  serve: (
    groups: readonly { readonly key: string; readonly members: readonly Request[] }[],
  ) => Promise<readonly (readonly Reply[])[]>,
): Promise<readonly Reply[]> {
  const indexes = new Map<string, number[]>();
  requests.forEach(({ key }, i) => {
    const group = indexes.get(key);
    if (group) group.push(i);
    else indexes.set(key, [i]);
  });
  const groups = [...indexes].map(([key, at]) => ({ key, members: at.map((i) => requests[i] as Request) }));
  const served = await serve(groups);
  const replies: Reply[] = [];
  [...indexes.values()].forEach((at, group) => {
    at.forEach((i, member) => (replies[i] = served[group]?.[member] as Reply));
  });
  return replies;
}
