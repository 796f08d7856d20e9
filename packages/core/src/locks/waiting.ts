import { QueueFullError, StoreTimeoutError } from '../errors.js';
import type { LockContext } from './context.js';
import type { AcquireReply, AcquireRequest } from './contract.js';
import type { Lease } from './lease.js';
import { blockSize, openGate } from './gate.js';
import type { KeyQueue } from './queue.js';
import type { Settings } from './settings.js';
import { isStoreError } from '../errors.js';
import type { Sent } from './tenures.js';
import { Waiter } from './waiter.js';
import type { Setback } from './waiter.js';
import { requestOf } from './want.js';
import type { Want } from './want.js';

/** How an attempt was answered. */
export type Answer = { readonly reply: AcquireReply; readonly sent: Sent } | { readonly error: unknown };

/** One attempt, for a caller that will not wait. */
export async function tryOnce(context: LockContext, waiter: Waiter): Promise<void> {
  const { tenures, calls, queues, settings, asking } = context;
  waiter.onDone = (succeeded) => {
    if (!succeeded && waiter.attempts > 0 && !refused(waiter.setback)) calls.cancel(refOf(waiter));
  };
  if (abortedAlready(waiter)) return;
  asking.set(waiter.leaseId, waiter);
  const answer = await ask(context, waiter, requestOf(settings, waiter.want, waiter.leaseId), calls.timeoutMs);
  asking.delete(waiter.leaseId);
  if (waiter.done) return;
  if ('error' in answer) {
    waiter.fail('error', answer.error);
    return;
  }
  const { reply, sent } = answer;
  if (!reply.acquired || waiter.lostMeanwhile) {
    waiter.setback = reply.acquired
      ? { holders: [], retryAfterMs: 0 }
      : { holders: context.outward.holders(reply.holders), retryAfterMs: reply.retryAfterMs };
    waiter.refuse();
    orphan(context, waiter, reply);
  } else if (!tenures.inTime(sent, waiter.want.ttlMs)) {
    waiter.fail('error', lateError(settings, waiter.want));
  } else {
    waiter.succeed([hold(context, queues.open(waiter.want.storeKey, waiter.want.mode), waiter, reply, sent)]);
  }
}

/** Puts the caller in its queue; it asks the store as soon as nobody of this process is before it. */
export function waitInLine(context: LockContext, want: Want): Waiter {
  const { settings, queues } = context;
  const queue = queues.open(want.storeKey, want.mode);
  const full = !queue.room(want.permits) && queues.waiting >= settings.maxQueue;
  const waiter = new Waiter(settings, want, context.newLeaseId());
  queues.waiting += 1;
  waiter.onDone = (succeeded) => leave(context, queue, waiter, succeeded);
  waiter.onTimeUp = () => timeUpError(queue, waiter);
  if (abortedAlready(waiter)) return waiter;
  if (full) {
    const { maxQueue } = settings;
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
  const { settings, tenures } = context;
  const { want } = waiter;
  // From here on it hears of wake-ups: before it asks, so that no hint is missed in between.
  queue.contending.add(waiter);
  let next = carried;
  while (!waiter.done) {
    waiter.woken = false;
    const answer = await (next ?? askInLine(context, queue, waiter));
    next = undefined;
    if (waiter.done) {
      if (answer && 'reply' in answer) orphan(context, waiter, answer.reply);
      return;
    }
    if (!answer) continue;
    let error = 'error' in answer ? answer.error : undefined;
    if ('reply' in answer && answer.reply.acquired) {
      if (waiter.lostMeanwhile) continue;
      if (tenures.inTime(answer.sent, want.ttlMs)) {
        waiter.succeed([hold(context, queue, waiter, answer.reply, answer.sent)]);
        return;
      }
      error = lateError(settings, want);
    }
    if ('reply' in answer && !answer.reply.acquired) {
      waiter.refusedBy(context.outward.holders(answer.reply.holders), answer.reply.retryAfterMs);
    } else if (isStoreError(error)) {
      waiter.failedBy(error);
    } else {
      waiter.fail('error', error);
      return;
    }
    queue.setback = waiter.setback;
    if (waiter.leftMs <= 0) waiter.timeUp();
    waiter.startWaiting();
    if (waiter.setback) await waiter.sleep(pauseMs(settings, waiter.setback, waiter));
  }
}

/** The request of an attempt whose caller stays in line, with tokens for those behind it. */
export function requestInLine(context: LockContext, queue: KeyQueue, waiter: Waiter): AcquireRequest {
  const { settings } = context;
  const tokens = blockSize(settings, queue, waiter);
  return requestOf(settings, waiter.want, waiter.leaseId, {
    ...(tokens > 1 ? { tokens } : undefined),
    // Long enough to outlast a sleep and a slow attempt; short enough that a dead process does not hold up the others.
    waiter: { ttlMs: Math.ceil(2 * pollPauseMs(settings, waiter.refusals + 1)) + Math.min(settings.timeoutMs, 1_000) },
  });
}

/** Sends an attempt; never rejects. */
export function ask(context: LockContext, waiter: Waiter, request: AcquireRequest, timeoutMs: number): Promise<Answer> {
  const { calls, tenures } = context;
  waiter.attempts += 1;
  waiter.lostMeanwhile = false;
  const sent = tenures.sent();
  const call = calls.start(
    'acquire',
    1,
    timeoutMs,
    (options) => calls.store.acquire(request, options),
    (reply) => orphan(context, waiter, reply),
  );
  waiter.call = call;
  return call.answer.then(
    (reply) => ({ reply, sent }),
    (error: unknown) => ({ error }),
  );
}

/** A grant that came after its caller had gone: nobody holds it, so it is released. */
export function orphan(context: LockContext, waiter: Waiter, reply: AcquireReply): void {
  if (!reply.acquired || !waiter.done || context.tenures.get(waiter.leaseId)) return;
  context.calls.discard(refOf(waiter), reply.fencingToken);
}

/** A signal that has aborted costs no call to the store. */
export function abortedAlready(waiter: Waiter): boolean {
  const { signal } = waiter.want;
  if (signal?.aborted) waiter.fail('aborted', signal.reason);
  return waiter.done;
}

/** The grant becomes a lease. */
export function hold(
  context: LockContext,
  queue: KeyQueue,
  { want, leaseId }: Pick<Waiter, 'want' | 'leaseId'>,
  tokens: { readonly fencingToken: number; readonly lastToken: number },
  sent: Sent,
): Lease {
  const lease = context.tenures.grant(want, leaseId, tokens, sent);
  queue.tenures.add(lease.tenure);
  openGate(context.settings, queue, lease.tenure);
  return lease;
}

function askInLine(context: LockContext, queue: KeyQueue, waiter: Waiter): Promise<Answer> {
  const { timeoutMs } = context.calls;
  // A first attempt has no other limit: its caller counts as waiting only once it was refused.
  const limitMs = waiter.waiting ? timeoutMs : Math.max(1, Math.min(timeoutMs, Math.ceil(waiter.leftMs)));
  return ask(context, waiter, requestInLine(context, queue, waiter), limitMs);
}

function leave(context: LockContext, queue: KeyQueue, waiter: Waiter, succeeded: boolean): void {
  context.queues.waiting -= 1;
  queue.queued.delete(waiter);
  queue.contending.delete(waiter);
  if (!succeeded && waiter.attempts > 0) context.calls.cancel(refOf(waiter));
  pump(context, queue);
}

/** Behind a lease of this process nobody asks the store: its holder is who stands in the way. */
function timeUpError(queue: KeyQueue, waiter: Waiter): unknown {
  if (!queue.contending.has(waiter)) {
    const holders = [...queue.tenures].filter((tenure) => !tenure.ended).flatMap((tenure) => tenure.holder() ?? []);
    if (holders.length > 0) return waiter.contendedError(holders);
  }
  waiter.setback ??= queue.setback;
  return waiter.setbackError();
}

/**
 * How long to sleep if nobody wakes the caller: until the lease in the way ends, at most the poll interval, jittered so that processes spread. Where
 * only asking tells and the same holder stays, the interval grows: each question is paid for.
 */
export function pauseMs(settings: Settings, setback: Setback, { failures, refusals }: Waiter): number {
  const longestMs = pollPauseMs(settings, refusals) * (0.75 + Math.random() / 4);
  if ('error' in setback) return Math.min(longestMs, 50 * 2 ** failures * (0.5 + Math.random() / 2));
  const jitterMs = Math.random() * Math.min(10, settings.pollMs / 10);
  const untilFreeMs = Math.max(setback.retryAfterMs, Math.min(shortestPauseMs, settings.pollMs));
  return Math.min(longestMs, untilFreeMs + jitterMs);
}

function pollPauseMs({ store, pollMs }: Settings, refusals: number): number {
  return store.capabilities.wake === 'poll' ? pollMs * Math.min(pollGrowth ** refusals, mostPollGrowth) : pollMs;
}

const pollGrowth = 1.6;
const mostPollGrowth = 24;

/** A store that says "now" over and over is still not asked more often than this. */
const shortestPauseMs = 5;

function refused(setback: Setback | undefined): boolean {
  return setback !== undefined && 'holders' in setback;
}

function refOf({ leaseId, want }: Waiter): { key: string; leaseId: string; mode: Want['mode'] } {
  return { key: want.storeKey, leaseId, mode: want.mode };
}

export function lateError(settings: Settings, { key, ttlMs }: Want): StoreTimeoutError {
  const store = settings.store.name;
  return new StoreTimeoutError(`Store ${store} granted ${key} so late that its ttl of ${ttlMs} ms had passed`, {
    store,
    timeoutMs: ttlMs,
  });
}
