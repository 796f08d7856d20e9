import type { Clock } from '../src/clock.js';
import { StoreError } from '../src/errors.js';
import type { HolderInfo, LockLostReason } from '../src/errors.js';
import type {
  AcquireReply,
  AcquireRequest,
  LeaseRef,
  LockState,
  LockStore,
  LockStoreListener,
} from '../src/locks/contract.js';

type Operation =
  | 'acquire'
  | 'acquireAll'
  | 'cancelWait'
  | 'extend'
  | 'release'
  | 'inspect'
  | 'releaseSession'
  | 'forceRelease';

interface Held {
  readonly request: AcquireRequest;
  readonly reply: AcquireReply & { readonly acquired: true };
  holder: HolderInfo;
  endsMs: number;
}

interface Options {
  readonly clock: Clock;
  readonly wake?: 'notify' | 'poll';
  readonly atomicAcquireAll?: boolean;
  /** Whether `release` serves `next` in the same step. */
  readonly servesNext?: boolean;
}

export interface PlainLockStore extends LockStore {
  /** Every call, in the order in which it was made, with what it was given. */
  readonly calls: { readonly operation: Operation; readonly given: unknown }[];
  /** Waits or throws before a call takes effect; and after, before it is answered. */
  before: (operation: Operation) => Promise<void> | void;
  after: (operation: Operation) => Promise<void> | void;
  /** Leases that hold now. */
  readonly held: readonly HolderInfo[];
  /** Waiters that were announced and neither granted nor cancelled. */
  readonly announced: ReadonlySet<string>;
  count(operation: Operation): number;
  /** Tells the listeners. */
  wake(key: string, leaseId?: string): void;
  lose(leaseId: string, reason: LockLostReason): void;
}

export const unreachable = (): StoreError => new StoreError('unreachable', { store: 'plain', kind: 'connection' });

/** The lock contract at its plainest, with places to make it slow, deaf or broken. It keeps no fair queue: whoever asks first when the key is free gets it. */
export function plainLockStore({
  clock,
  wake = 'poll',
  atomicAcquireAll = false,
  servesNext = true,
}: Options): PlainLockStore {
  const leases = new Map<string, Held>();
  const lastTokens = new Map<string, number>();
  const listeners = new Set<LockStoreListener>();
  const announced = new Set<string>();
  const calls: PlainLockStore['calls'] = [];

  const on = (key: string): Held[] => {
    for (const [leaseId, held] of leases) if (held.endsMs <= clock.monotonicMs()) leases.delete(leaseId);
    return [...leases.values()].filter((held) => held.request.key === key);
  };
  const fits = (request: AcquireRequest, held: readonly Held[]): boolean =>
    held.length === 0 ||
    (held.every((other) => other.request.mode === request.mode) &&
      (request.mode === 'shared' || (request.mode === 'permit' && held.length < request.permits)));
  const attempt = (request: AcquireRequest): AcquireReply => {
    const held = on(request.key);
    const mine = leases.get(request.leaseId);
    if (mine) {
      mine.endsMs = clock.monotonicMs() + request.ttlMs;
      return mine.reply;
    }
    if (!fits(request, held)) {
      if (request.waiter) announced.add(request.leaseId);
      const retryAfterMs = Math.min(...held.map((other) => other.endsMs)) - clock.monotonicMs();
      return { acquired: false, holders: held.map((other) => other.holder), retryAfterMs };
    }
    announced.delete(request.leaseId);
    const fencingToken = Math.max((lastTokens.get(request.key) ?? 0) + 1, Math.floor(clock.nowUs()));
    const lastToken = fencingToken + (request.tokens ?? 1) - 1;
    lastTokens.set(request.key, lastToken);
    const { leaseId, ownerId, sessionId, metadata } = request;
    const acquiredAtMs = Math.floor(clock.nowUs() / 1_000);
    const holder = {
      leaseId,
      ownerId,
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(metadata === undefined ? {} : { metadata }),
      fencingToken,
      acquiredAtMs,
      expiresAtMs: acquiredAtMs + request.ttlMs,
    };
    const reply = { acquired: true, fencingToken, lastToken } as const;
    leases.set(leaseId, { request, reply, holder, endsMs: clock.monotonicMs() + request.ttlMs });
    return reply;
  };
  const state = (key: string): LockState | null => {
    const held = on(key);
    const [first] = held;
    if (!first) return null;
    const { mode, permits } = first.request;
    const holders = held.map((each) => each.holder);
    return { key, mode, permits, holders, waiting: 0, fencingToken: lastTokens.get(key) ?? 0 };
  };
  const current = ({ key, leaseId }: LeaseRef, fencingToken: number): Held | undefined => {
    const held = on(key).find((each) => each.request.leaseId === leaseId);
    return held?.reply.fencingToken === fencingToken ? held : undefined;
  };
  const end = (held: Held): void => {
    leases.delete(held.request.leaseId);
    if (wake === 'notify') store.wake(held.request.key);
  };
  const call = async <T>(operation: Operation, given: unknown, step: () => T): Promise<T> => {
    calls.push({ operation, given });
    await store.before(operation);
    const value = step();
    await store.after(operation);
    return value;
  };

  const store: PlainLockStore = {
    name: 'plain',
    clock: 'store',
    capabilities: {
      shared: true,
      permits: true,
      wake,
      fairQueue: false,
      remoteRelease: 'immediate',
      atomicAcquireAll,
      tokensSurviveDataLoss: true,
      expirySlackMs: () => 0,
    },
    calls,
    before: () => {},
    after: () => {},
    get held() {
      for (const { request } of leases.values()) on(request.key);
      return [...leases.values()].map((each) => each.holder);
    },
    announced,
    count: (operation) => calls.filter((each) => each.operation === operation).length,
    wake: (key, leaseId) => listeners.forEach((listener) => listener.wake(key, leaseId)),
    lose: (leaseId, reason) => {
      const held = leases.get(leaseId);
      leases.delete(leaseId);
      if (held) for (const listener of listeners) listener.lost({ key: held.request.key, leaseId }, reason);
    },
    acquire: (request) => call('acquire', request, () => attempt(request)),
    ...(atomicAcquireAll
      ? {
          acquireAll: (requests: readonly AcquireRequest[]) =>
            call('acquireAll', requests, () => {
              const conflicts = requests
                .filter((request) => !fits(request, on(request.key)))
                .map(({ key }) => ({ key, holders: on(key).map((each) => each.holder) }));
              if (conflicts.length > 0) return { acquired: false, conflicts, retryAfterMs: 1_000 } as const;
              const replies = requests.map((request) => attempt(request));
              return { acquired: true, leases: replies.filter((reply) => reply.acquired) } as const;
            }),
        }
      : {}),
    cancelWait: (waiter) =>
      call('cancelWait', waiter, () => {
        announced.delete(waiter.leaseId);
        const held = leases.get(waiter.leaseId);
        if (held) end(held);
      }),
    extend: (requests) =>
      call('extend', requests, () =>
        requests.map((request) => {
          const held = current(request, request.fencingToken);
          if (!held) return { extended: false, reason: 'expired' } as const;
          held.endsMs = clock.monotonicMs() + request.ttlMs;
          if (request.holder) held.holder = { ...held.holder, ...request.holder };
          return { extended: true } as const;
        }),
      ),
    release: (requests) =>
      call('release', requests, () =>
        requests.map((request) => {
          const held = current(request, request.fencingToken);
          if (held) end(held);
          const outcome = held ? ({ released: true } as const) : ({ released: false, reason: 'expired' } as const);
          return servesNext && request.next ? { ...outcome, next: attempt(request.next) } : outcome;
        }),
      ),
    inspect: (key) => call('inspect', key, () => state(key)),
    async *list({ prefix, sessionId }) {
      for (const key of new Set([...leases.values()].map((each) => each.request.key))) {
        const found = key.startsWith(prefix) ? state(key) : null;
        if (found && (sessionId === undefined || found.holders.some((each) => each.sessionId === sessionId)))
          yield found;
      }
    },
    releaseSession: (session) =>
      call('releaseSession', session, () => {
        const mine = [...leases.values()].filter(
          ({ request }) => request.sessionId === session.sessionId && request.key.startsWith(session.prefix),
        );
        for (const held of mine) end(held);
        return { released: [...new Set(mine.map((held) => held.request.key))], pending: [] };
      }),
    forceRelease: (key, options) =>
      call('forceRelease', { key, leaseId: options?.leaseId }, () => {
        const gone = on(key).filter(
          (each) => options?.leaseId === undefined || each.request.leaseId === options.leaseId,
        );
        for (const held of gone) end(held);
        const fencingToken = (lastTokens.get(key) ?? 0) + 1;
        lastTokens.set(key, fencingToken);
        return { released: gone.map((each) => each.holder), pending: [], fencingToken, collateral: [] };
      }),
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {},
  };
  return store;
}
