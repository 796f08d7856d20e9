import type { AcquireReply, AcquireRequest, LockMode, LockStore } from '@headgate/core';
import type { LockFault } from './fault.js';

// Lets the request in beside whoever holds, on a key of its own.
const letIn = (good: LockStore, request: AcquireRequest): Promise<AcquireReply> =>
  good.acquire({ ...request, key: `${request.key} and ${request.leaseId}` });

// Lets in who should be kept out, given what holds the key, if anything does.
const lettingIn =
  (wrongly: (mode: LockMode, held: LockMode | undefined) => boolean): LockFault['breakStore'] =>
  (good) => ({
    acquire: async (request) => {
      const held = (await good.inspect(request.key))?.mode;
      return wrongly(request.mode, held) ? letIn(good, request) : good.acquire(request);
    },
  });

/** More share a key than may, or queues lose their order. */
export const sharingFaults: readonly LockFault[] = [
  {
    fault: 'shared leases let a writer in',
    caughtBy: 'shared/keeps-writers-out',
    traces: true,
    breakStore: lettingIn((mode, held) => mode === 'exclusive' && held === 'shared'),
  },
  {
    fault: 'a writer lets readers in',
    caughtBy: 'shared/writer-keeps-readers-out',
    traces: true,
    breakStore: lettingIn((mode, held) => mode === 'shared' && held === 'exclusive'),
  },
  {
    fault: 'permits and shared leases are one and the same',
    caughtBy: 'shared/does-not-mix-with-permits',
    traces: true,
    breakStore: lettingIn(
      (mode, held) => mode !== 'exclusive' && held !== undefined && held !== 'exclusive' && held !== mode,
    ),
  },
  {
    fault: 'one permit too many',
    caughtBy: 'permits/never-one-too-many',
    traces: true,
    breakStore: (good) => ({
      acquire: (request) =>
        good.acquire(request.mode === 'permit' ? { ...request, permits: request.permits + 1 } : request),
    }),
  },
  {
    fault: 'permits are counted, then taken: a storm gets too many',
    caughtBy: 'permits/storm-admits-exactly-n',
    breakStore: (good) => ({
      acquire: async (request) => {
        if (request.mode !== 'permit') return good.acquire(request);
        const held = (await good.inspect(request.key))?.holders.length ?? 0;
        await new Promise(setImmediate);
        return good.acquire(held < request.permits ? { ...request, permits: 10_000 } : request);
      },
    }),
  },
  {
    fault: 'an acquire that is repeated takes a second permit',
    caughtBy: 'permits/repeated-acquire-takes-one',
    breakStore: (good) => {
      let calls = 0;
      return {
        acquire: (request) =>
          good.acquire(request.mode === 'permit' ? { ...request, leaseId: `${request.leaseId} ${calls++}` } : request),
      };
    },
  },
  {
    fault: 'new readers overtake a waiting writer',
    caughtBy: 'queue/waiting-writer-keeps-new-readers-behind',
    traces: true,
    breakStore: (good) => ({
      acquire: ({ waiter, ...request }) =>
        good.acquire(waiter && request.mode !== 'exclusive' ? { ...request, waiter } : request),
    }),
  },
  {
    fault: 'claims a fair queue and keeps none',
    caughtBy: 'queue/first-come-first-served',
    traces: true,
    breakStore: (good) => ({ acquire: ({ waiter: _waiter, ...request }) => good.acquire(request) }),
  },
  {
    fault: 'asking again sends a waiter to the end of the queue',
    caughtBy: 'queue/first-come-first-served',
    breakStore: (good) => ({
      acquire: async (request) => {
        const free = (await good.inspect(request.key)) === null;
        if (request.waiter && !free) {
          const holders = (await good.inspect(request.key))?.holders ?? [];
          if (!holders.some((holder) => holder.leaseId === request.leaseId)) await good.cancelWait(request);
        }
        return good.acquire(request);
      },
    }),
  },
  {
    fault: 'a waiter whose wait is cancelled stays in the queue',
    caughtBy: 'queue/cancelled-waiter-is-gone',
    traces: true,
    breakStore: (good) => ({
      cancelWait: async (waiter) => {
        const holders = (await good.inspect(waiter.key))?.holders ?? [];
        if (holders.some((holder) => holder.leaseId === waiter.leaseId)) await good.cancelWait(waiter);
      },
    }),
  },
  {
    fault: 'a wait that is cancelled after its grant keeps the lock',
    caughtBy: 'queue/cancelling-a-granted-wait-frees-the-lease',
    traces: true,
    breakStore: (good) => ({
      cancelWait: async (waiter) => {
        const holders = (await good.inspect(waiter.key))?.holders ?? [];
        if (!holders.some((holder) => holder.leaseId === waiter.leaseId)) await good.cancelWait(waiter);
      },
    }),
  },
  {
    fault: 'a dead waiter blocks the queue for ever',
    caughtBy: 'queue/dead-waiter-is-skipped',
    breakStore: (good) => ({
      acquire: (request) => good.acquire(request.waiter ? { ...request, waiter: { ttlMs: 10 ** 10 } } : request),
    }),
  },
  {
    fault: 'the next waiter gets in with a release that released nothing',
    caughtBy: 'queue/next-with-a-stale-release-takes-nothing-from-others',
    breakStore: (good) => ({
      release: async (requests) =>
        Promise.all(
          requests.map(async ({ next, ...request }) => {
            const [reply] = await good.release([request]);
            if (!reply) throw new Error('no reply');
            return next ? { ...reply, next: await letIn(good, next) } : reply;
          }),
        ),
    }),
  },
  {
    fault: 'the next waiter of the releasing process overtakes the queue',
    caughtBy: 'queue/next-stays-behind-those-who-queued',
    breakStore: (good) => ({
      release: async (requests) =>
        Promise.all(
          requests.map(async ({ next, ...request }) => {
            const [reply] = await good.release([request]);
            if (!reply) throw new Error('no reply');
            if (!next) return reply;
            await good.forceRelease(next.key);
            return { ...reply, next: await letIn(good, next) };
          }),
        ),
    }),
  },
];
