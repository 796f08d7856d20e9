import { ClosedError } from '../errors.js';
import type { LockLostReason } from '../errors.js';
import { checkKey, joinKey } from '../keys.js';
import { booleanOption, durationMs, invalid, optionsObject } from '../validate.js';
import type {
  AcquireOptions,
  Lock,
  LockGroup,
  Locks,
  LockSession,
  LocksOptions,
  TryAcquireOptions,
  TryAcquireResult,
} from './api.js';
import { acquireGroup, checkGroup } from './acquire-all.js';
import { BriskMap } from '../brisk-map.js';
import type { LockContext } from './context.js';
import type { ForceReleaseReply, LockState, ReleaseSessionReply } from './contract.js';
import { listStates } from './listing.js';
import { Outward } from './outward.js';
import { Queues } from './queue.js';
import { release } from './releasing.js';
import { endSession } from './session-end.js';
import { Session } from './session.js';
import type { SessionDesk } from './session.js';
import { checkDrift, minTtlMs, randomPart, resolveSettings } from './settings.js';
import type { Settings } from './settings.js';
import { StoreCalls } from './store-calls.js';
import { Tenures } from './tenures.js';
import { Waiter } from './waiter.js';
import { tryOnce, vacate, waitInLine } from './waiting.js';
import { wake } from './wakes.js';
import { resolveWant } from './want.js';
import type { Want } from './want.js';
import { workUnder } from './work.js';
import type { Lease, LeaseDesk } from './lease.js';

/**
 * Makes a lock manager over `store`. Options are checked here, before any I/O ({@link InvalidArgumentError}).
 *
 * A lease is a promise about time: it is certain until its deadline by the monotonic clock of this process. That clock may stand still while a
 * virtual machine is suspended, so a process that wakes late can believe in a lease that others have taken meanwhile; what keeps data safe then is
 * the fencing token, checked where the data is (see `createFencedRegister`). Only leases held keep the process alive, waiting does not.
 */
export function createLocks(options: LocksOptions): Locks {
  return new LockManager(resolveSettings(options));
}

class LockManager implements Locks, SessionDesk {
  readonly name: string;
  readonly store: string;
  readonly #settings: Settings;
  readonly #context: LockContext;
  #unwatch: (() => void) | undefined;
  #watching = false;
  #closing: Promise<void> | undefined;

  constructor(settings: Settings) {
    const { name, store, clock, emitter, timeoutMs } = settings;
    this.name = name;
    this.store = store.name;
    this.#settings = settings;
    const calls = new StoreCalls(store, clock, emitter, timeoutMs);
    const desk: LeaseDesk = {
      monotonicMs: () => clock.monotonicMs(),
      expire: (tenure) => this.#context.tenures.lose(tenure, 'expired'),
      extend: (lease, ttlMs) => this.#extend(lease, ttlMs),
      release: (lease) => release(this.#context, lease),
    };
    const leaseIds = randomPart();
    let leases = 0;
    const queues = new Queues();
    this.#context = {
      settings,
      calls,
      outward: new Outward(name),
      tenures: new Tenures(settings, calls, desk, (tenure) => vacate(this.#context, tenure)),
      queues,
      asking: new BriskMap(),
      groups: new Set(),
      newLeaseId: () => `${leaseIds}.${((leases += 1)).toString(36)}`,
    };
    emitter.declare({ kind: 'lock', ...settings.labels });
  }

  acquire(key: string, options: AcquireOptions = {}): Promise<Lock> {
    return this.#acquire(key, options);
  }

  async tryAcquire(key: string, options: TryAcquireOptions = {}): Promise<TryAcquireResult> {
    const waiter = this.#try({ ...resolveWant(this.#settings, key, options), waitMs: 0 });
    const [lock] = await waiter.promise;
    if (lock) return { acquired: true, lock };
    const { setback } = waiter;
    return setback && 'holders' in setback
      ? { acquired: false, ...setback }
      : { acquired: false, holders: [], retryAfterMs: 0 };
  }

  async withLock<T>(key: string, work: (lock: Lock) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    if (typeof work !== 'function') throw invalid('work', 'a function', work);
    return workUnder(await this.#acquire(key, options), work);
  }

  async acquireAll(keys: readonly string[], options: AcquireOptions = {}): Promise<LockGroup> {
    if (!Array.isArray(keys)) throw invalid('keys', 'an array of keys', keys);
    const wants = keys.map((key: string) => resolveWant(this.#settings, key, options));
    checkGroup(wants);
    this.#begin(wants.length);
    return acquireGroup(this.#context, wants);
  }

  session(id: string, options: { readonly metadata?: Readonly<Record<string, string>> | undefined } = {}): LockSession {
    return new Session(this, id, options);
  }

  async releaseSession(id: string): Promise<ReleaseSessionReply> {
    return this.releaseSessionFor(checkKey('id', id), 'explicit');
  }

  async releaseSessionFor(id: string, cause: 'explicit' | 'dispose'): Promise<ReleaseSessionReply> {
    this.#assertOpen();
    return endSession(this.#context, id, cause);
  }

  async inspect(key: string): Promise<LockState | null> {
    const storeKey = joinKey(this.name, checkKey('key', key));
    this.#assertOpen();
    const { calls, outward } = this.#context;
    const state = await calls.run('inspect', 1, (options) => calls.store.inspect(storeKey, options));
    return state && outward.state(state);
  }

  list(filter: { readonly sessionId?: string | undefined } = {}): AsyncIterable<LockState> {
    const { sessionId } = optionsObject('filter', filter, { sessionId: 0 });
    const { prefix } = this.#context.outward;
    const joined = sessionId === undefined ? {} : { sessionId: joinKey(this.name, checkKey('sessionId', sessionId)) };
    this.#assertOpen();
    return listStates(this.#context, { prefix, ...joined });
  }

  async forceRelease(
    key: string,
    options: { readonly terminate?: boolean | undefined; readonly leaseId?: string | undefined } = {},
  ): Promise<ForceReleaseReply> {
    const storeKey = joinKey(this.name, checkKey('key', key));
    const { terminate = false, leaseId } = optionsObject('options', options, { terminate: 0, leaseId: 0 });
    booleanOption('terminate', terminate);
    if (leaseId !== undefined) checkKey('leaseId', leaseId);
    this.#assertOpen();
    const { calls, outward } = this.#context;
    const reply = await calls.run('force_release', 1, ({ signal }) =>
      calls.store.forceRelease(storeKey, {
        ...(signal && { signal }),
        terminate,
        ...(leaseId === undefined ? {} : { leaseId }),
      }),
    );
    for (const holder of reply.released) this.#lost(storeKey, holder.leaseId, 'forced');
    for (const lease of reply.collateral) this.#lost(lease.key, lease.leaseId, 'connection');
    return {
      ...reply,
      released: outward.holders(reply.released),
      pending: outward.holders(reply.pending),
      collateral: reply.collateral.map((lease) => ({ ...lease, key: outward.strip(lease.key) })),
    };
  }

  local(): ReturnType<Locks['local']> {
    const { tenures, queues, groups } = this.#context;
    const waiting = [...queues.waiters(), ...groups].filter((waiter) => waiter.waiting);
    return {
      held: tenures.all().flatMap((tenure) => tenure.lease ?? []),
      waiting: waiting.map(({ want, waitedMs }) => ({
        key: want.key,
        ...(want.sessionId === undefined ? undefined : { sessionId: want.sessionId }),
        waitedMs,
      })),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { queues, groups, asking, tenures, calls } = this.#context;
    const closed = this.#closedError();
    for (const waiter of new Set([...queues.waiters(), ...groups, ...asking.values()])) waiter.fail('aborted', closed);
    const held = tenures.all();
    for (const tenure of held) tenures.lose(tenure, 'closed');
    try {
      if (held.length > 0) {
        const requests = held.map((tenure) => tenure.named());
        await calls.run('release', held.length, (options) => calls.store.release(requests, options));
      }
    } finally {
      await calls.idle();
      this.#unwatch?.();
    }
  }

  async #acquire(key: string, options: AcquireOptions): Promise<Lease> {
    const want = resolveWant(this.#settings, key, options);
    const waiter = want.waitMs === 0 ? this.#try(want) : this.#wait(want);
    const [lease] = await waiter.promise;
    if (!lease) throw waiter.setbackError();
    return lease;
  }

  #try(want: Want): Waiter {
    this.#begin();
    const waiter = new Waiter(this.#settings, want, this.#context.newLeaseId());
    void tryOnce(this.#context, waiter);
    return waiter;
  }

  #wait(want: Want): Waiter {
    this.#begin();
    return waitInLine(this.#context, want);
  }

  /** An acquire begins: the manager must be open, and listens to the store from the first one on. */
  #begin(acquires = 1): void {
    if (this.#closing) {
      const event = { outcome: 'error', waitMs: 0, attempts: 0, contended: false } as const;
      for (let n = 0; n < acquires; n += 1) this.#settings.tell('onAcquire', () => event);
      throw this.#closedError();
    }
    if (this.#watching) return;
    this.#watching = true;
    this.#unwatch = this.#settings.store.watch?.({
      wake: (key, leaseId) => wake(this.#context, key, leaseId),
      lost: ({ key, leaseId }, reason) => this.#lost(key, leaseId, reason),
    });
  }

  #assertOpen(): void {
    if (this.#closing) throw this.#closedError();
  }

  #closedError(): ClosedError {
    return new ClosedError(`Lock manager ${this.name} was closed`);
  }

  async #extend(lease: Lease, ttlMs: number | undefined): Promise<void> {
    const wanted = ttlMs === undefined ? lease.tenure.ttlMs : durationMs('ttlMs', ttlMs, minTtlMs);
    checkDrift(wanted, this.#settings.driftMs);
    lease.assertHeld();
    const extension = await this.#context.tenures.renewer.extend(lease.tenure, wanted);
    if (typeof extension === 'object') throw extension.error;
    lease.assertHeld();
  }

  /** The store says that a lease is gone. */
  #lost(key: string, leaseId: string, reason: LockLostReason): void {
    const { tenures, asking, queues } = this.#context;
    const tenure = tenures.get(leaseId);
    if (tenure?.key === key) tenures.lose(tenure, reason);
    const waiters = [asking.get(leaseId), ...queues.contending(key)];
    for (const waiter of waiters) if (waiter?.leaseId === leaseId) waiter.lostMeanwhile = true;
  }
}
