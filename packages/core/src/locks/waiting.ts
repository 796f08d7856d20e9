import { QueueFullError, storeTimeout } from '../errors.js';
import type { StoreTimeoutError } from '../errors.js';
import type { LockContext } from './context.js';
import type { AcquireReply, AcquireRequest } from './contract.js';
import { Lease } from './lease.js';
import { blockSize, openGate } from './gate.js';
import { pollPauseMs } from './pause.js';
import type { KeyQueue } from './queue.js';
import type { Settings } from './settings.js';
import type { Sent, Tenure } from './tenure.js';
import { Waiter } from './waiter.js';
import type { Outcome } from './waiter.js';
import { wake } from './wakes.js';
import { refOf, requestOf } from './want.js';
import type { Attempt, Want } from './want.js';

/** How an attempt was answered. */
export type Answer = { readonly reply: AcquireReply; readonly sent: Sent } | { readonly error: unknown };

/** One attempt, for a caller that will not wait. */
export function tryOnce(context: LockContext, want: Want): Waiter {
  const { asking } = context;
  const waiter = new Waiter(context, want, context.newLeaseId());
  waiter.onDone = (outcome) => {
    asking.delete(waiter.leaseId);
    cleanUp(context, waiter, outcome);
  };
  if (failedAlready(context, waiter)) return waiter;
  asking.set(waiter.leaseId, waiter);
  void ask(context, waiter, requestOf(context, waiter)).then((answer) => settle(context, waiter, answer));
  return waiter;
}

/** Puts the caller in its queue; it asks the store as soon as nobody of this process is before it. */
export function waitInLine(context: LockContext, want: Want): Waiter {
  const { queues, maxQueue } = context;
  const queue = queues.open(want.storeKey, want.mode);
  const full = !queue.room(want.permits) && queues.waiting >= maxQueue;
  const waiter = new Waiter(context, want, context.newLeaseId());
  queues.waiting += 1;
  waiter.onDone = (outcome) => leave(context, queue, waiter, outcome);
  waiter.onTimeUp = () => timeUpError(queue, waiter);
  if (failedAlready(context, waiter)) return waiter;
  if (full) {
    waiter.fail('error', new QueueFullError(`${maxQueue} acquires are waiting already`, { maxQueue }));
    return waiter;
  }
  queue.queued.add(waiter);
  pump(context, queue);
  if (queue.queued.has(waiter)) waiter.startWaiting();
  return waiter;
}

/** Lets those first in line ask the store, as many as may. */
export function pump(context: LockContext, queue: KeyQueue): void {
  for (let next = queue.head; next && queue.room(next.want.permits); next = queue.head) {
    queue.queued.delete(next);
    void contend(context, queue, next);
  }
  context.queues.tidy(queue);
}

/** The tenure no longer stands in anybody's way: whoever waits behind it may ask. */
export function vacate(context: LockContext, tenure: Tenure): void {
  const queue = context.queues.find(tenure.key, tenure.mode);
  queue?.tenures.delete(tenure);
  if (queue) pump(context, queue);
  if (context.store.capabilities.wake === 'poll') wake(context, tenure.key);
}

/**
 * Asks the store, sleeps until the key may be free, and asks again, until the caller has its lock or its time is up. Never rejects.
 * `carried` is a first attempt that went out with another call; `undefined` when that call did not say.
 */
export async function contend(
  context: LockContext,
  queue: KeyQueue,
  waiter: Waiter,
  carried?: Promise<Answer | undefined>,
): Promise<void> {
  // From here on it hears of wake-ups: before it asks, so that no hint is missed in between.
  queue.contending.add(waiter);
  for (let next = carried; !waiter.done; next = undefined) {
    waiter.woken = false;
    const answer = await (next ?? ask(context, waiter, requestInLine(context, queue, waiter)));
    if (!answer) continue;
    settle(context, waiter, answer);
    queue.setback = waiter.setback;
    if (!waiter.done) await waiter.rest();
  }
}

/** The request of an attempt whose caller stays in line, with tokens for those behind it. */
export function requestInLine(context: LockContext, queue: KeyQueue, waiter: Waiter): AcquireRequest {
  const tokens = blockSize(context, queue, waiter);
  return requestOf(context, waiter, {
    ...(tokens > 1 && { tokens }),
    // Long enough to outlast a sleep and a slow attempt; short enough that a dead process does not hold up the others.
    waiter: { ttlMs: Math.ceil(2 * pollPauseMs(context, waiter.refusals + 1)) + Math.min(context.timeoutMs, 1_000) },
  });
}

/** Sends an attempt; never rejects. */
function ask(context: LockContext, waiter: Waiter, request: AcquireRequest): Promise<Answer> {
  const { calls, tenures } = context;
  waiter.attempts += 1;
  waiter.lostMeanwhile = false;
  const sent = tenures.sent();
  const call = calls.start(
    'acquire',
    1,
    waiter.attemptMs,
    (options) => calls.store.acquire(request, options),
    (reply) => orphan(context, waiter, reply),
  );
  waiter.call = call;
  return call.answer.then(
    (reply) => ({ reply, sent }),
    (error: unknown) => ({ error }),
  );
}

/** Tells the caller what its attempt came to. */
function settle(context: LockContext, waiter: Waiter, answer: Answer): void {
  if ('error' in answer) {
    waiter.setBackBy(answer);
    return;
  }
  const { reply, sent } = answer;
  if (!reply.acquired) {
    waiter.setBackBy({ holders: context.outward.holders(reply.holders), retryAfterMs: reply.retryAfterMs });
  } else if (waiter.lostMeanwhile) {
    waiter.setBackBy({ holders: [], retryAfterMs: 0 });
    waiter.wake();
  } else if (!context.tenures.inTime(sent, waiter.want.ttlMs)) {
    waiter.setBackBy({ error: lateError(context, waiter.want) });
  } else if (!waiter.done) {
    waiter.succeed([new Lease(context, waiter.want, hold(context, waiter, reply, sent))]);
  }
  orphan(context, waiter, reply);
}

/** A grant that came after its caller had gone: nobody holds it, so it is released. */
export function orphan(context: LockContext, waiter: Waiter, reply: AcquireReply): void {
  if (!reply.acquired || !waiter.done || context.tenures.get(waiter.leaseId)) return;
  context.calls.discard({ ...refOf(waiter), fencingToken: reply.fencingToken });
}

/** Whether the call has failed before it began: of a manager that was closed, or by a signal that has aborted, it costs no call to the store. */
export function failedAlready({ closed }: LockContext, waiter: Waiter): boolean {
  const { signal } = waiter.want;
  if (closed) waiter.fail('error', closed);
  else if (signal?.aborted) waiter.fail('aborted', signal.reason);
  return waiter.done;
}

/** The grant becomes a lease, for whoever is handed it. */
export function hold(
  context: LockContext,
  { want, leaseId }: Attempt,
  tokens: { readonly fencingToken: number; readonly lastToken: number },
  sent: Sent,
): Tenure {
  const tenure = context.tenures.grant(want, leaseId, tokens, sent);
  const queue = context.queues.open(want.storeKey, want.mode);
  queue.tenures.add(tenure);
  openGate(context, queue, tenure);
  return tenure;
}

function leave(context: LockContext, queue: KeyQueue, waiter: Waiter, outcome: Outcome): void {
  context.queues.waiting -= 1;
  queue.queued.delete(waiter);
  queue.contending.delete(waiter);
  cleanUp(context, waiter, outcome);
  pump(context, queue);
}

/** Whoever gave up may have left a place in the store's queue, or a lease. */
function cleanUp({ calls }: LockContext, waiter: Waiter, outcome: Outcome): void {
  if (outcome !== 'acquired' && outcome !== 'busy' && waiter.attempts > 0) calls.cancel(refOf(waiter));
}

/** Behind a lease of this process nobody asks the store: its holder is who stands in the way. */
function timeUpError(queue: KeyQueue, waiter: Waiter): unknown {
  if (!queue.contending.has(waiter)) {
    const live = [...queue.tenures].filter((tenure) => !tenure.ended);
    if (live.length > 0) return waiter.contendedError(live.flatMap((tenure) => tenure.holder() ?? []));
  }
  waiter.setback ??= queue.setback;
  return waiter.setbackError();
}

export function lateError({ store }: Settings, { key, ttlMs }: Want): StoreTimeoutError {
  return storeTimeout(store.name, ttlMs, `granted ${key} so late that its ttl of ${ttlMs} ms had passed`);
}
