import { integerIn, optionsObject, RecordVersionError } from '@headgate/core';
import { checkClient } from './client.js';
import { Connection, connectionOptions } from './connection.js';
import { Inbox } from './inbox.js';
import { keySpace } from './keys.js';
import { LateSignals } from './late-signals.js';
import { LockBatch } from './lock-batch.js';
import * as codec from './lock-codec.js';
import { scanIndex } from './lock-index.js';
import { mayBeGranted, replicated } from './lock-replicas.js';
import { Script } from './script.js';
import { lockScript } from './scripts/locks/run.js';
import { toStoreError } from './store-error.js';
import { abortable } from './waiting.js';
import type {
  AcquireAllReply,
  AcquireReply,
  AcquireRequest,
  ExtendReply,
  ExtendRequest,
  ForceReleaseReply,
  LeaseRef,
  LockCapabilities,
  LockFilter,
  LockState,
  LockStore,
  LockStoreListener,
  ReleaseReply,
  ReleaseRequest,
  ReleaseSessionReply,
  StoreCallOptions,
} from '@headgate/core';
import type { RedisConnectionOptions } from './connection.js';
import type { KeySpace } from './keys.js';
import type { LockOp, LockOpReply } from './lock-codec.js';

/** Options of {@link redisLockStore}. */
export interface RedisLockStoreOptions extends RedisConnectionOptions {
  /** The `store` label of every metric; default `redis`, or `redis_cluster` for a Cluster. */
  readonly name?: string | undefined;
  /** Beginning of every key and channel; default `headgate`. No braces. */
  readonly prefix?: string | undefined;
  /** Number of hash tags over which keys are spread, 1 to 4,096; default 16. All processes on the same data must agree. */
  readonly buckets?: number | undefined;
  /** Longest time a waiter to whom the lock was handed may take to say so before the next is asked, milliseconds; default 2,000. */
  readonly claimMs?: number | undefined;
  /** How long a key's last token is remembered after its last lease, milliseconds; default a day. After that the clock alone keeps tokens rising. */
  readonly fenceTtlMs?: number | undefined;
  /**
   * Count a lease as taken only when this many replicas have it (`WAIT`); else it is given back and the call fails with a `StoreError`. It makes
   * losing a lease in a failover less likely, not impossible. Default: no replicas are waited for.
   */
  readonly waitReplicas?: { readonly count: number; readonly timeoutMs: number } | undefined;
  /** Told once when something makes locks less safe than they look (an eviction policy), slower (no permission to subscribe) or missing in lists (no permission for their indexes); default `process.emitWarning`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

const lockOptions = { ...connectionOptions, claimMs: 0, fenceTtlMs: 0, waitReplicas: 0, onWarning: 0 };

function decodeOneRelease(reply: LockOpReply): readonly ReleaseReply[] {
  return [codec.decodeRelease(reply)];
}

/**
 * Locks in Redis 6.2 or later, standalone, through Sentinel or in a Cluster: exclusive, shared and permit leases with fencing tokens, a fair queue
 * across processes and wake-ups. Every operation is one script call (session operations and lists two round trips), and calls of one
 * turn of the event loop share one. A lease is as durable as the server: read "Guarantees and limits" in the README. Close it when
 * done: it owns a connection, and one more for wake-ups.
 */
export function redisLockStore(options: RedisLockStoreOptions): LockStore {
  optionsObject('options', options, lockOptions);
  return new RedisLockStore(options);
}

function checkReplicas(replicas: NonNullable<RedisLockStoreOptions['waitReplicas']>): typeof replicas {
  optionsObject('waitReplicas', replicas, { count: 0, timeoutMs: 0 });
  return {
    count: integerIn('waitReplicas.count', replicas.count, 1),
    timeoutMs: integerIn('waitReplicas.timeoutMs', replicas.timeoutMs, 1),
  };
}

class RedisLockStore implements LockStore {
  readonly name: string;
  readonly clock = 'store';
  readonly capabilities: LockCapabilities;
  readonly acquireAll?: (requests: readonly AcquireRequest[], options?: StoreCallOptions) => Promise<AcquireAllReply>;
  readonly #space: KeySpace;
  readonly #script = new Script('headgateLocks', lockScript);
  readonly #connection: Connection;
  readonly #batch: LockBatch;
  readonly #inbox: Inbox;
  readonly #signals = new LateSignals();
  readonly #settings: readonly [claimMs: string, fenceTtlMs: string, sharedIndex: string];
  readonly #waitReplicas: RedisLockStoreOptions['waitReplicas'];
  readonly #warn: (message: string) => void;
  #checkedPolicy = false;
  #warnedOfIndex = false;

  constructor(options: RedisLockStoreOptions) {
    this.name = options.name ?? (options.client?.isCluster ? 'redis_cluster' : 'redis');
    this.#space = keySpace(options.prefix, options.buckets);
    this.#waitReplicas = options.waitReplicas && checkReplicas(options.waitReplicas);
    this.#warn = options.onWarning ?? ((message) => process.emitWarning(message, { type: 'HeadgateWarning' }));
    this.#connection = new Connection(this.name, options, [this.#script]);
    const { isCluster, client } = this.#connection;
    this.#settings = [
      String(integerIn('claimMs', options.claimMs ?? 2_000, 1)),
      String(integerIn('fenceTtlMs', options.fenceTtlMs ?? 24 * 60 * 60_000, 1)),
      isCluster ? '0' : '1',
    ];
    this.#inbox = new Inbox(
      options.prefix ?? 'headgate',
      checkClient(options.client),
      isCluster ? client : undefined,
      this.#warn,
    );
    // A standalone server takes everything in one call; a script of a Cluster stays under one hash tag.
    this.#batch = new LockBatch(this.name, isCluster ? this.#space.bucketOf : () => 0, (keys, ops) =>
      this.#send(keys, ops),
    );
    this.capabilities = {
      shared: true,
      permits: true,
      wake: 'notify',
      fairQueue: true,
      remoteRelease: 'immediate',
      atomicAcquireAll: !isCluster,
      tokensSurviveDataLoss: true,
      expirySlackMs: () => 0,
    };
    if (!isCluster) this.acquireAll = (requests, call) => this.#acquireAll(requests, call);
  }

  acquire(request: AcquireRequest, options?: StoreCallOptions): Promise<AcquireReply> {
    // A grant that is told before we listen would be found only by polling.
    return request.waiter && !this.#inbox.settled
      ? this.#acquireListening(request, options)
      : this.#acquire(request, options);
  }

  async #acquireListening(request: AcquireRequest, options?: StoreCallOptions): Promise<AcquireReply> {
    await this.#inbox.ready();
    // Whoever gave up meanwhile has cancelled the wait already: an attempt behind that would bring it back.
    options?.signal?.throwIfAborted();
    return this.#acquire(request, options);
  }

  #acquire(request: AcquireRequest, options?: StoreCallOptions): Promise<AcquireReply> {
    return this.#run(request.key, ['a', request], codec.decodeAcquire, options);
  }

  async #acquireAll(requests: readonly AcquireRequest[], options?: StoreCallOptions): Promise<AcquireAllReply> {
    if (requests.length === 0) return { acquired: true, leases: [] };
    const keys = requests.map(({ key }) => this.#recordOf(key));
    const decode = (reply: LockOpReply): AcquireAllReply => codec.decodeAcquireAll(requests, reply);
    return this.#batch.run((requests[0] as AcquireRequest).key, keys, ['A', requests], decode, options);
  }

  async cancelWait({ key, leaseId }: LeaseRef, options?: StoreCallOptions): Promise<void> {
    await this.#run(key, ['c', codec.wellFormed(leaseId)], codec.decodeDone, options);
  }

  extend(requests: readonly ExtendRequest[], options?: StoreCallOptions): Promise<readonly ExtendReply[]> {
    const replies = requests.map((request) => this.#run(request.key, codec.encodeExtend(request), codec.decodeExtend));
    return this.#together(replies, options);
  }

  release(requests: readonly ReleaseRequest[], options?: StoreCallOptions): Promise<readonly ReleaseReply[]> {
    const [request] = requests;
    if (request && requests.length === 1) return this.#run(request.key, ['r', request], decodeOneRelease, options);
    const replies = requests.map((each) => this.#run(each.key, ['r', each], codec.decodeRelease));
    return this.#together(replies, options);
  }

  inspect(key: string, options?: StoreCallOptions): Promise<LockState | null> {
    return this.#run(key, ['i'], (reply) => codec.decodeState(key, reply), options);
  }

  async *list({ prefix, sessionId }: LockFilter, { signal }: StoreCallOptions = {}): AsyncIterable<LockState> {
    const kind = sessionId === undefined ? 'h' : `s:${sessionId}`;
    for await (const keys of scanIndex(this.#connection, this.#space, kind, prefix, signal)) {
      const states = await abortable(Promise.all(keys.map((key) => this.inspect(key))), signal);
      for (const state of states) {
        if (!state) continue;
        if (sessionId === undefined || state.holders.some((holder) => holder.sessionId === sessionId)) yield state;
      }
    }
  }

  async releaseSession(
    { prefix, sessionId }: { readonly prefix: string; readonly sessionId: string },
    { signal }: StoreCallOptions = {},
  ): Promise<ReleaseSessionReply> {
    const released: string[] = [];
    for await (const keys of scanIndex(this.#connection, this.#space, `s:${sessionId}`, prefix, signal)) {
      const freed = keys.map((key) => this.#run(key, ['s', sessionId], codec.decodeCount));
      const counts = await abortable(Promise.all(freed), signal);
      released.push(...keys.filter((_, i) => (counts[i] ?? 0) > 0));
    }
    return { released, pending: [] };
  }

  forceRelease(
    key: string,
    options: StoreCallOptions & { readonly leaseId?: string } = {},
  ): Promise<ForceReleaseReply> {
    return this.#run(
      key,
      ['f', options.leaseId === undefined ? false : codec.wellFormed(options.leaseId)],
      codec.decodeForce,
      options,
    );
  }

  watch(listener: LockStoreListener): () => void {
    return this.#inbox.add(listener);
  }

  async close(): Promise<void> {
    this.#inbox.close();
    this.#connection.close();
  }

  #recordOf(key: string): string {
    return `${this.#space.base(this.#space.bucketOf(key))}l:${key}`;
  }

  #run<T>(key: string, op: LockOp, decode: (reply: LockOpReply) => T, options?: StoreCallOptions): Promise<T> {
    return this.#batch.run(key, [this.#recordOf(key)], op, decode, options);
  }

  /** However many operations one call makes, its signal has one listener: Node warns from the eleventh on. */
  #together<T>(replies: readonly Promise<T>[], options: StoreCallOptions = {}): Promise<T[]> {
    return this.#signals.watch(Promise.all(replies), options);
  }

  async #send(keys: readonly string[], ops: readonly LockOp[]): Promise<readonly LockOpReply[]> {
    const argsOf = (sentKeys: readonly string[], sentOps: readonly LockOp[]): unknown[] => [
      sentKeys.length,
      ...sentKeys,
      ...this.#settings,
      this.#inbox.address,
      ...codec.encodeOps(sentOps),
    ];
    const send = async (sentKeys: readonly string[], sentOps: readonly LockOp[]): Promise<readonly LockOpReply[]> =>
      (await this.#connection.send(this.#script, argsOf(sentKeys, sentOps))) as readonly LockOpReply[];
    const wait = ops.some(mayBeGranted) ? this.#waitReplicas : undefined;
    const replies = wait
      ? await replicated(keys, ops, wait.count, send, async () => {
          const [reply, acknowledged] = await this.#connection.sendAndWait(this.#script, argsOf(keys, ops), wait);
          return [reply as readonly LockOpReply[], acknowledged];
        })
      : await send(keys, ops);
    if (!this.#checkedPolicy) void this.#checkPolicy();
    if (replies.length > ops.length) this.#warnOfIndex(replies[ops.length] as LockOpReply);
    return replies;
  }

  #warnOfIndex([, why]: LockOpReply): void {
    if (this.#warnedOfIndex) return;
    const failure = toStoreError(this.name, new Error(String(why)));
    // Memory that is full, or a slot that is on its way to another node, will not stay so.
    if (failure.kind !== 'auth' && !(failure instanceof RecordVersionError)) return;
    this.#warnedOfIndex = true;
    this.#warn(`Listings and the end of a session miss locks, whose indexes cannot be written: ${failure.message}`);
  }

  async #checkPolicy(): Promise<void> {
    this.#checkedPolicy = true;
    try {
      const info = String(await this.#connection.send('info', ['memory']));
      const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1] ?? 'noeviction';
      if (policy === 'noeviction' || /^maxmemory:0\r?$/m.test(info)) return;
      this.#warn(
        `Redis evicts keys when memory is full (maxmemory-policy ${policy}): locks may vanish while they are held. Use \`noeviction\`, or a server of their own.`,
      );
    } catch {
      // Not allowed, or the connection went: a warning is not worth an error, and the next store asks again.
    }
  }
}
