import { ClosedError } from '../errors.js';
import type { LockLostReason } from '../errors.js';
import { checkKey, joinKey } from '../keys.js';
import { booleanOption, checkOptions, invalid, optional } from '../validate.js';
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
import { renewDue } from './renewing.js';
import { endSession } from './session-end.js';
import { Session } from './session.js';
import type { SessionDesk } from './session.js';
import { randomPart, resolveSettings } from './settings.js';
import type { Settings } from './settings.js';
import { StoreCalls } from './store-calls.js';
import { Tenures } from './tenures.js';
import type { Refusal, Waiter } from './waiter.js';
import { tryOnce, vacate, waitInLine } from './waiting.js';
import { wake } from './wakes.js';
import { resolveWant } from './want.js';
import type { Want } from './want.js';
import { workUnder } from './work.js';
import type { Lease } from './lease.js';

const filterChecks = { sessionId: optional(checkKey, undefined) };
const forceChecks = { terminate: optional(booleanOption, false), leaseId: optional(checkKey, undefined) };

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
  readonly #context: LockContext;
  #unwatch: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: Settings) {
    const { name, store, emitter, labels } = settings;
    this.name = name;
    this.store = store.name;
    const calls = new StoreCalls(settings);
    const leaseIds = randomPart();
    let leases = 0;
    const queues = new Queues();
    this.#context = {
      ...settings,
      calls,
      outward: new Outward(name),
      tenures: new Tenures(
        settings,
        (tenure) => vacate(this.#context, tenure),
        () => renewDue(this.#context),
      ),
      queues,
      asking: new BriskMap(),
      groups: new Set(),
      release: (lease) => release(this.#context, lease),
      newLeaseId: () => `${leaseIds}.${((leases += 1)).toString(36)}`,
    };
    emitter.declare({ kind: 'lock', ...labels });
  }

  async acquire(key: string, options: AcquireOptions = {}): Promise<Lease> {
    const waiter = this.#take(resolveWant(this.#context, key, options));
    const [lease] = await waiter.promise;
    if (!lease) throw waiter.setbackError();
    return lease;
  }

  async tryAcquire(key: string, options: TryAcquireOptions = {}): Promise<TryAcquireResult> {
    const waiter = this.#take({ ...resolveWant(this.#context, key, options), waitMs: 0 });
    const [lock] = await waiter.promise;
    return lock ? { acquired: true, lock } : { acquired: false, ...(waiter.setback as Refusal) };
  }

  async withLock<T>(key: string, work: (lock: Lock) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    if (typeof work !== 'function') throw invalid('work', 'a function', work);
    return workUnder(await this.acquire(key, options), work);
  }

  async acquireAll(keys: readonly string[], options: AcquireOptions = {}): Promise<LockGroup> {
    if (!Array.isArray(keys)) throw invalid('keys', 'an array of keys', keys);
    const wants = keys.map((key: string) => resolveWant(this.#context, key, options));
    checkGroup(wants);
    this.#watch();
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
    const { sessionId } = checkOptions('filter', filter, filterChecks);
    const { prefix } = this.#context.outward;
    this.#assertOpen();
    return listStates(this.#context, { prefix, ...(sessionId && { sessionId: joinKey(this.name, sessionId) }) });
  }

  async forceRelease(
    key: string,
    options: { readonly terminate?: boolean | undefined; readonly leaseId?: string | undefined } = {},
  ): Promise<ForceReleaseReply> {
    const storeKey = joinKey(this.name, checkKey('key', key));
    const { terminate, leaseId } = checkOptions('options', options, forceChecks);
    this.#assertOpen();
    const { calls, outward } = this.#context;
    const reply = await calls.run('force_release', 1, ({ signal }) =>
      calls.store.forceRelease(storeKey, { signal, terminate, ...(leaseId && { leaseId }) }),
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
    const waiting = this.#waiters().filter((waiter) => waiter.waiting);
    return {
      held: this.#context.tenures.all().flatMap((tenure) => tenure.lease ?? []),
      waiting: waiting.map(({ want, waitedMs }) => ({
        key: want.key,
        ...(want.sessionId && { sessionId: want.sessionId }),
        waitedMs,
      })),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { tenures, calls } = this.#context;
    const closed = new ClosedError(`Lock manager ${this.name} was closed`);
    this.#context.closed = closed;
    for (const waiter of this.#waiters()) waiter.fail('aborted', closed);
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

  /** Every call that has no outcome yet. */
  #waiters(): readonly Waiter[] {
    const { queues, groups, asking } = this.#context;
    return [...queues.waiters(), ...groups, ...asking.values()];
  }

  #take(want: Want): Waiter {
    this.#watch();
    return want.waitMs === 0 ? tryOnce(this.#context, want) : waitInLine(this.#context, want);
  }

  /** Listens to the store, from the first acquire on. */
  #watch(): void {
    const { store, closed } = this.#context;
    if (this.#unwatch || closed) return;
    const unwatch = store.watch?.({
      wake: (key, leaseId) => wake(this.#context, key, leaseId),
      lost: ({ key, leaseId }, reason) => this.#lost(key, leaseId, reason),
    });
    this.#unwatch = unwatch ?? (() => {});
  }

  #assertOpen(): void {
    if (this.#context.closed) throw this.#context.closed;
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
