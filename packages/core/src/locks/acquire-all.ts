import { invalid } from '../validate.js';
import type { LockGroup } from './api.js';
import type { LockContext } from './context.js';
import type { AcquireAllReply, AcquireRequest, LockStore, StoreCallOptions } from './contract.js';
import { giveBack } from './giving-back.js';
import { GroupWaiter } from './group-waiter.js';
import { Group } from './group.js';
import { Lease } from './lease.js';
import type { Tenure } from './tenure.js';
import type { Setback } from './waiter.js';
import { failedAlready, hold, lateError } from './waiting.js';
import { refOf, requestOf } from './want.js';
import type { Attempt, Want } from './want.js';

/** Most keys taken together: what every store can do in one step. */
const maxKeys = 100;

/** The leases, which nobody has been told of yet, in the order in which they were wanted. */
type Taken = { readonly tenures: readonly Tenure[] } | Setback;

/** Refuses what cannot be taken together: nothing, too much, or a key twice. */
export function checkGroup(wants: readonly Want[]): void {
  const keys = wants.map((want) => want.key);
  if (keys.length === 0 || keys.length > maxKeys || new Set(keys).size < keys.length) {
    throw invalid('keys', `1 to ${maxKeys} distinct keys`, keys.join(', '));
  }
}

/** Takes all of the locks or none; between attempts it holds nothing. See `Locks.acquireAll`. */
export async function acquireGroup(context: LockContext, wants: readonly Want[]): Promise<LockGroup> {
  const { groups } = context;
  // One order for everybody: two groups that overlap cannot each hold what the other lacks.
  const sorted = [...wants].sort((a, b) => (a.storeKey < b.storeKey ? -1 : 1));
  const waiter = new GroupWaiter(context, sorted[0]!, wants.length);
  waiter.onDone = () => groups.delete(waiter);
  groups.add(waiter);
  if (!failedAlready(context, waiter)) void contendForAll(context, waiter, sorted);
  const leases = await waiter.promise;
  if (leases.length === 0) throw waiter.setbackError();
  // In the order in which the caller named the keys.
  return new Group(wants.map((want) => leases.find((lease) => lease.key === want.key)!));
}

async function contendForAll(context: LockContext, waiter: GroupWaiter, wants: readonly Want[]): Promise<void> {
  while (!waiter.done) {
    waiter.listen();
    waiter.attempts += 1;
    const taken = await takeAll(context, waiter, wants);
    if (!('tenures' in taken)) {
      waiter.setBackBy(taken);
      await waiter.rest();
    } else if (waiter.done) {
      await rollBack(context, taken.tenures);
    } else {
      waiter.succeed(taken.tenures.map((tenure, n) => new Lease(context, wants[n]!, tenure)));
    }
  }
}

/** One attempt: in one step where the store can, else key by key, so that others may see part of it; what was got is given back when one is refused. */
async function takeAll(context: LockContext, waiter: GroupWaiter, wants: readonly Want[]): Promise<Taken> {
  const { store } = context;
  const atomic = store.acquireAll !== undefined && store.capabilities.atomicAcquireAll;
  const attempts = wants.map((want): Attempt => ({ want, leaseId: context.newLeaseId() }));
  const tenures: Tenure[] = [];
  for (const part of atomic ? [attempts] : attempts.map((attempt) => [attempt])) {
    const taken = await take(context, waiter, part, atomic);
    if (!('tenures' in taken)) {
      await rollBack(context, tenures);
      return taken;
    }
    tenures.push(...taken.tenures);
  }
  // The first may have been lost while the last was asked for.
  const lost = tenures.findIndex((tenure) => !context.tenures.certain(tenure));
  if (lost < 0) return { tenures };
  await rollBack(context, tenures);
  return { holders: [], retryAfterMs: 0, key: wants[lost]!.key };
}

/** Asks the store for all of `attempts` in one call. */
async function take(
  context: LockContext,
  waiter: GroupWaiter,
  attempts: readonly Attempt[],
  atomic: boolean,
): Promise<Taken> {
  if (waiter.done) return { holders: [], retryAfterMs: 0 };
  const { calls, tenures, outward } = context;
  const { store } = calls;
  const requests = attempts.map((attempt) => requestOf(context, attempt));
  // Frees what was granted, too.
  const cancel = (): void => attempts.forEach((attempt) => calls.cancel(refOf(attempt)));
  const sent = tenures.sent();
  const call = calls.start(
    atomic ? 'acquire_all' : 'acquire',
    requests.length,
    waiter.attemptMs,
    (options) => (atomic ? store.acquireAll!(requests, options) : askForOne(store, requests[0]!, options)),
    (late) => {
      if (late.acquired) cancel();
    },
  );
  waiter.call = call;
  try {
    const reply = await call.answer;
    if (!reply.acquired) {
      const [conflict] = reply.conflicts;
      const holders = outward.holders(conflict?.holders ?? []);
      return { holders, retryAfterMs: reply.retryAfterMs, ...(conflict && { key: outward.strip(conflict.key) }) };
    }
    if (waiter.done || !tenures.inTime(sent, waiter.want.ttlMs)) {
      cancel();
      return { error: lateError(context, attempts[0]!.want) };
    }
    return { tenures: attempts.map((attempt, n) => hold(context, attempt, reply.leases[n]!, sent)) };
  } catch (error) {
    cancel();
    return { error };
  }
}

/** The answer to a request for one lock, as one for several. */
async function askForOne(
  store: LockStore,
  request: AcquireRequest,
  options: StoreCallOptions,
): Promise<AcquireAllReply> {
  const reply = await store.acquire(request, options);
  if (reply.acquired) return { acquired: true, leases: [reply] };
  const { holders, retryAfterMs } = reply;
  return { acquired: false, conflicts: [{ key: request.key, holders }], retryAfterMs };
}

/** Gives back what was got; what the store does not answer ends with its ttl, and hooks are told of the failed call. */
async function rollBack(context: LockContext, tenures: readonly Tenure[]): Promise<void> {
  const live = tenures.filter((tenure) => !tenure.ended);
  await Promise.allSettled(live.map((tenure) => giveBack(context, tenure)));
}
