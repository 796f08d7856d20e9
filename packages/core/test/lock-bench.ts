import { createManualClock } from '../src/manual-clock.js';
import type { ManualClock } from '../src/manual-clock.js';
import type { HookEvents, Hooks } from '../src/hooks/events.js';
import type { Locks, LocksOptions } from '../src/locks/api.js';
import { createLocks } from '../src/locks/locks.js';
import { plainLockStore } from './plain-lock-store.js';
import type { PlainLockStore } from './plain-lock-store.js';

type EventName = keyof HookEvents;

/** A lock manager over a plain store on a clock that the test moves, with everything its hooks were told. */
export interface LockBench {
  readonly clock: ManualClock;
  readonly store: PlainLockStore;
  readonly locks: Locks;
  /** Another manager over the same store, as another process would have. */
  peer(options?: Partial<LocksOptions>): Locks;
  /** Events of one kind, in order. */
  events<N extends EventName>(name: N): readonly HookEvents[N][];
}

export function lockBench(
  options: Partial<LocksOptions> & { readonly storeOptions?: Omit<Parameters<typeof plainLockStore>[0], 'clock'> } = {},
): LockBench {
  const { storeOptions, ...locksOptions } = options;
  const clock = createManualClock();
  const store = plainLockStore({ clock, ...storeOptions });
  const seen: { readonly name: EventName; readonly event: unknown }[] = [];
  const names: readonly EventName[] = [
    'onAcquire',
    'onLeaseEnd',
    'onLockLost',
    'onExtend',
    'onRelease',
    'onSessionRelease',
    'onWaiters',
    'onStoreCall',
    'onHookError',
  ];
  const hooks = Object.fromEntries(
    names.map((name) => [name, (event: unknown) => seen.push({ name, event })]),
  ) as Hooks;
  const make = (more: Partial<LocksOptions>): Locks =>
    createLocks({ name: 'files', store, ttlMs: 10_000, clock, hooks, ...more });
  return {
    clock,
    store,
    locks: make(locksOptions),
    peer: (more = {}) => make({ hooks: undefined, ...locksOptions, ...more }),
    events: <N extends EventName>(name: N) =>
      seen.filter((each) => each.name === name).map((each) => each.event as HookEvents[N]),
  };
}

/** The code of what a promise rejects with; fails when it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => 'resolved',
    (error: { readonly code?: string }) => error.code ?? String(error),
  );
  return outcome;
}
