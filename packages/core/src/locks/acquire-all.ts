import { joinKey } from '../keys.js';
import { invalid } from '../validate.js';
import type { LockGroup } from './api.js';
import type { LockContext } from './context.js';
import type { AcquireReply } from './contract.js';
import { giveBack } from './giving-back.js';
import { Group } from './group.js';
import type { Lease } from './lease.js';
import { isStoreError } from '../errors.js';
import { Waiter } from './waiter.js';
import type { Setback } from './waiter.js';
import { abortedAlready, hold, lateError, pauseMs } from './waiting.js';
import type { Sleeper } from './wakes.js';
import { requestOf } from './want.js';
import type { Want } from './want.js';

/** Most keys taken together: what every store can do in one step. */
const maxKeys = 100;

interface Member {
  readonly want: Want;
  readonly leaseId: string;
}

type Grant = Extract<AcquireReply, { readonly acquired: true }>;
type GroupAnswer = { readonly leases: readonly Lease[] } | { readonly setback: Setback };

/** Refuses what cannot be taken together: nothing, too much, or a key twice. */
export function checkGroup(wants: readonly Want[]): void {
  const distinct = new Set(wants.map((want) => want.key)).size;
  if (wants.length === 0 || wants.length > maxKeys || distinct < wants.length) {
    throw invalid('keys', `1 to ${maxKeys} distinct keys`, wants.map((want) => want.key).join(', '));
  }
}

/**
 * What a group hears of keys. It listens to all of them while it asks, and then only to the one that it was refused: what others, or it itself,
 * took and gave back in vain would keep waking groups that overlap for ever.
 */
class Ears implements Sleeper {
  /** A group is never granted a lock while it sleeps. */
  readonly leaseId = '';
  readonly #context: LockContext;
  readonly #waiter: Waiter;
  readonly #heard = new Set<string>();
  #refusedKey: string | undefined;

  constructor(context: LockContext, waiter: Waiter) {
    this.#context = context;
    this.#waiter = waiter;
    context.wakes.groups.add(this);
  }

  wake(key: string): void {
    if (this.#refusedKey === undefined) this.#heard.add(key);
    else if (key === this.#refusedKey) this.#waiter.wake();
  }

  listen(): void {
    this.#heard.clear();
    this.#refusedKey = undefined;
    this.#waiter.woken = false;
  }

  sleepOn(key: string | undefined): void {
    if (key === undefined) return;
    this.#refusedKey = joinKey(this.#context.settings.name, key);
    if (this.#heard.has(this.#refusedKey)) this.#waiter.wake();
  }

  close(): void {
    this.#context.wakes.groups.delete(this);
  }
}

/** Takes all of the locks or none; between attempts it holds nothing. See `Locks.acquireAll`. */
export async function acquireGroup(context: LockContext, wants: readonly Want[]): Promise<LockGroup> {
  const { settings, groups } = context;
  // One order for everybody: two groups that overlap cannot each hold what the other lacks.
  const sorted = [...wants].sort((a, b) => (a.storeKey < b.storeKey ? -1 : 1));
  const waiter = new Waiter(settings, sorted[0]!, '', wants.length);
  const ears = new Ears(context, waiter);
  waiter.onDone = () => {
    groups.delete(waiter);
    ears.close();
  };
  groups.add(waiter);
  if (!abortedAlready(waiter)) void contendForAll(context, waiter, sorted, ears);
  const leases = await waiter.promise;
  if (leases.length === 0) throw waiter.setbackError();
  // In the order in which the caller named the keys.
  return new Group(wants.map((want) => leases.find((lease) => lease.key === want.key)!));
}

async function contendForAll(context: LockContext, waiter: Waiter, wants: readonly Want[], ears: Ears): Promise<void> {
  const atomic =
    context.settings.store.acquireAll !== undefined && context.settings.store.capabilities.atomicAcquireAll;
  while (!waiter.done) {
    ears.listen();
    waiter.attempts += 1;
    const members = wants.map((want) => ({ want, leaseId: context.newLeaseId() }));
    const answer = await (atomic ? atOnce(context, waiter, members) : oneByOne(context, waiter, members));
    if ('leases' in answer) {
      if (waiter.done) await rollBack(context, answer.leases);
      else {
        for (const lease of answer.leases) lease.tenure.provisional = false;
        waiter.succeed(answer.leases);
      }
      return;
    }
    if (waiter.done) return;
    const { setback } = answer;
    if ('holders' in setback) waiter.refusedBy(setback.holders, setback.retryAfterMs, setback.key);
    else if (isStoreError(setback.error)) waiter.failedBy(setback.error);
    else return waiter.fail('error', setback.error);
    if (waiter.want.waitMs === 0) return refuse(waiter, setback);
    if (waiter.leftMs <= 0) waiter.timeUp();
    waiter.startWaiting();
    ears.sleepOn('error' in setback ? undefined : setback.key);
    await waiter.sleep(pauseMs(context.settings, setback, waiter));
  }
}

function refuse(waiter: Waiter, setback: Setback): void {
  if ('error' in setback) waiter.fail('error', setback.error);
  else waiter.refuse();
}

/** One atomic attempt. */
async function atOnce(context: LockContext, waiter: Waiter, members: readonly Member[]): Promise<GroupAnswer> {
  const { calls, tenures, settings, queues, outward } = context;
  const sent = tenures.sent();
  const requests = members.map(({ want, leaseId }) => requestOf(settings, want, leaseId));
  const discardAll = (grants: readonly Pick<Grant, 'fencingToken'>[]): void =>
    members.forEach((member, index) => calls.discard(refOf(member), grants[index]!.fencingToken));
  const call = calls.start(
    'acquire_all',
    members.length,
    limitMs(context, waiter),
    (options) => calls.store.acquireAll!(requests, options),
    (reply) => {
      if (reply.acquired) discardAll(reply.leases);
    },
  );
  waiter.call = call;
  try {
    const reply = await call.answer;
    if (!reply.acquired) {
      const [conflict] = reply.conflicts;
      const holders = outward.holders(conflict?.holders ?? []);
      const key = conflict && { key: outward.strip(conflict.key) };
      return { setback: { holders, retryAfterMs: reply.retryAfterMs, ...key } };
    }
    if (waiter.done || !tenures.inTime(sent, waiter.want.ttlMs)) {
      discardAll(reply.leases);
      return { setback: { error: lateError(settings, waiter.want) } };
    }
    const leases = members.map((member, index) =>
      provisional(
        hold(context, queues.open(member.want.storeKey, member.want.mode), member, reply.leases[index]!, sent),
      ),
    );
    return { leases };
  } catch (error) {
    for (const member of members) calls.cancel(refOf(member));
    return { setback: { error } };
  }
}

/** One attempt key by key, in order; what was got is given back when one is refused. Others may see part of it meanwhile. */
async function oneByOne(context: LockContext, waiter: Waiter, members: readonly Member[]): Promise<GroupAnswer> {
  const leases: Lease[] = [];
  for (const member of members) {
    const got = await one(context, waiter, member);
    if ('setback' in got) {
      await rollBack(context, leases);
      return got;
    }
    leases.push(got.lease);
  }
  // The first may have been lost while the last was asked for.
  const lost = leases.find((lease) => !lease.held);
  if (!lost) return { leases };
  await rollBack(context, leases);
  return { setback: { holders: [], retryAfterMs: 0, key: lost.key } };
}

async function one(
  context: LockContext,
  waiter: Waiter,
  member: Member,
): Promise<{ readonly lease: Lease } | { readonly setback: Setback }> {
  const { calls, tenures, settings, queues, outward } = context;
  const { want, leaseId } = member;
  if (waiter.done) return { setback: { holders: [], retryAfterMs: 0 } };
  const sent = tenures.sent();
  const call = calls.start(
    'acquire',
    1,
    limitMs(context, waiter),
    (options) => calls.store.acquire(requestOf(settings, want, leaseId), options),
    (reply) => {
      if (reply.acquired) calls.discard(refOf(member), reply.fencingToken);
    },
  );
  waiter.call = call;
  try {
    const reply = await call.answer;
    if (!reply.acquired) {
      const holders = outward.holders(reply.holders);
      return { setback: { holders, retryAfterMs: reply.retryAfterMs, key: want.key } };
    }
    if (waiter.done || !tenures.inTime(sent, want.ttlMs)) {
      calls.discard(refOf(member), reply.fencingToken);
      return { setback: { error: lateError(settings, want) } };
    }
    return { lease: provisional(hold(context, queues.open(want.storeKey, want.mode), member, reply, sent)) };
  } catch (error) {
    calls.cancel(refOf(member));
    return { setback: { error } };
  }
}

/** Gives back what was got; what the store does not answer ends with its ttl, and hooks are told of the failed call. */
async function rollBack(context: LockContext, leases: readonly Lease[]): Promise<void> {
  const live = leases.filter(({ tenure }) => !tenure.ended);
  await Promise.allSettled(live.map(({ tenure }) => giveBack(context, tenure)));
}

function provisional(lease: Lease): Lease {
  lease.tenure.provisional = true;
  return lease;
}

function limitMs({ calls }: LockContext, { waiting, want, leftMs }: Waiter): number {
  return waiting || want.waitMs === 0 ? calls.timeoutMs : Math.max(1, Math.min(calls.timeoutMs, Math.ceil(leftMs)));
}

function refOf({ want, leaseId }: Member): { key: string; leaseId: string; mode: Want['mode'] } {
  return { key: want.storeKey, leaseId, mode: want.mode };
}
