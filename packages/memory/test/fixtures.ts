import { createHook } from 'node:async_hooks';
import { createManualClock, fixedWindow, recordFreshAtUs } from '@headgate/core';
import { memoryLimiterStore, memoryLockStore } from '@headgate/memory';
import type { LimiterFixture, LimiterSuiteOptions, LockSuiteOptions, ManualClock } from '@headgate/conformance';
import type { LimiterStore } from '@headgate/core';
import type { MemoryLimiterStore } from '@headgate/memory';

/** Few enough to be filled in a moment, and more than any property uses. */
const maxKeys = 50_000;

/** Asynchronous resources that stand for a request to somewhere outside of this process. */
const requestTypes = new Set([
  'FSREQCALLBACK',
  'FSREQPROMISE',
  'GETADDRINFOREQWRAP',
  'HTTPCLIENTREQUEST',
  'PROCESSWRAP',
  'QUERYWRAP',
  'TCPCONNECTWRAP',
  'TCPWRAP',
  'UDPWRAP',
]);

/** The limiter suite with all that a store in a process's memory can have; on the system's clock where none is given. */
export function limiterSetting(newClock: () => ManualClock | undefined): LimiterSuiteOptions {
  let running = limiterStore(undefined);
  let seen = new Map<string, string>();
  let requests = 0;
  let writes = 0;
  createHook({ init: (_id, type) => void (requests += Number(requestTypes.has(type))) }).enable();

  return {
    medium: 'process',
    faults: {
      wipe: () => running.restart(),
      // A record that is not what it was is one write: there is nothing in a `Map` by which to count others.
      counters: () => {
        const now = contentsOf(running.current());
        for (const [key, content] of now) if (seen.get(key) !== content) writes += 1;
        for (const key of seen.keys()) if (!now.has(key)) writes += 1;
        seen = now;
        return { requests, writes };
      },
    },
    createStore: (): LimiterFixture => {
      const clock = newClock();
      running = limiterStore(clock);
      const { store, current } = running;
      return {
        store,
        ...(clock && { clock }),
        openPeer: () => secondUserOf(store),
        size: () => store.size,
        records: async () =>
          [...store.records()].map(([id, record]) => ({
            id,
            content: JSON.stringify(record),
            expiresAtMs: recordFreshAtUs(record) / 1000,
          })),
        // A new key is refused while the store is full of live ones.
        failKey: async () => fill(current()),
      };
    },
  };
}

/** The lock suite with all that a store in a process's memory can have. */
export function lockSetting(): LockSuiteOptions {
  let running = restartable(() => memoryLockStore());
  return {
    medium: 'process',
    faults: { wipe: () => running.restart() },
    createStore: ({ time }) => {
      const clock = time === 'moved' ? createManualClock() : undefined;
      running = restartable(() => memoryLockStore({ ...(clock && { clock }) }));
      return { store: running.store, ...(clock && { clock }) };
    },
  };
}

function limiterStore(clock: ManualClock | undefined) {
  const running = restartable(() => memoryLimiterStore({ maxKeys, ...(clock && { clock }) }));
  const { current } = running;
  // What a limiter keeps for all its calls has to follow the store to its successor.
  const decideNowFor: MemoryLimiterStore['decideNowFor'] = (name, limits, make) => {
    let decidedBy = current();
    let decide = decidedBy.decideNowFor(name, limits, make);
    return (key, op) => {
      if (decidedBy !== current()) {
        decidedBy = current();
        decide = decidedBy.decideNowFor(name, limits, make);
      }
      return decide(key, op);
    };
  };
  return { ...running, store: forwarding(current, { decideNowFor }) };
}

/** A store that `restart` replaces by a new one, as the start of a process does: the one way to lose what is in memory. */
function restartable<Store extends { close(): Promise<void> }>(open: () => Store) {
  let current = open();
  return {
    store: forwarding(() => current),
    current: () => current,
    restart: async (): Promise<void> => {
      await current.close();
      current = open();
    },
  };
}

/** Another limiter's view of a store: the same records, and not its to close. */
function secondUserOf(store: LimiterStore): LimiterStore {
  return forwarding(() => store, { close: async () => {} });
}

function forwarding<Store extends object>(current: () => Store, changes: Partial<Store> = {}): Store {
  return new Proxy(current(), {
    get: (_first, name) => {
      const key = name as keyof Store;
      const value: unknown = changes[key] ?? current()[key];
      return typeof value === 'function' ? value.bind(current()) : value;
    },
  });
}

function contentsOf(store: MemoryLimiterStore): Map<string, string> {
  return new Map([...store.records()].map(([key, record]) => [key, JSON.stringify(record)]));
}

function fill(store: MemoryLimiterStore): void {
  const limits = [fixedWindow({ limit: 1, windowMs: 86_400_000 })];
  for (let i = 0; store.size < maxKeys; i++) store.decideNow(`filling:${i}`, limits, { kind: 'consume', cost: 1 });
}
