import { type LockStore, type LockStoreListener, StoreError } from '@headgate/core';
import { memoryLockStore } from '@headgate/memory';
import type { Faults } from '../../src/suite/faults.js';
import { replaced } from './broken/fault.js';

/** Names of the calls that change data. */
type Call =
  | 'acquire'
  | 'acquireAll'
  | 'cancelWait'
  | 'extend'
  | 'release'
  | 'inspect'
  | 'list'
  | 'releaseSession'
  | 'forceRelease';

const readOnly: readonly Call[] = ['inspect', 'list'];

/**
 * Memory behind a pretended network, so that the suite's fault properties and budgets can be tried on stores that are good or broken on purpose.
 * It proves the suite, never a store: real stores meet real servers.
 */
export class SimulatedServer {
  #memory = memoryLockStore();
  readonly #listeners = new Map<LockStoreListener, () => void>();
  #requests = 0;
  #away = false;
  #silence: { readonly over: Promise<void>; end(): void } | undefined;
  #loseReply: (() => void) | undefined;
  readonly #cut = new Set<() => void>();

  /** The fault hooks of this server. */
  readonly faults: Faults = {
    kill: async () => {
      this.#away = true;
      this.#cutAll();
    },
    restartStore: async () => {
      this.#away = false;
      this.#cutAll();
      this.#forget();
    },
    pause: async () => this.#silent(),
    resume: async () => this.#silence?.end(),
    blackhole: async () => this.#silent(),
    heal: async () => {
      this.#silence?.end();
      this.#loseReply = undefined;
    },
    dropConnections: async () => this.#cutAll(),
    dropReply: async () => {
      const lost = new Promise<void>((resolve) => {
        this.#loseReply = resolve;
      });
      return { lost };
    },
    wipe: async () => this.#forget(),
    counters: () => ({ requests: this.#requests }),
  };

  /** A store that talks to this server. */
  connect(): LockStore {
    const good = this.#memory;
    const through = async <T>(call: Call, run: (memory: LockStore) => Promise<T>): Promise<T> =>
      this.#request(call, run);
    return replaced(good, {
      name: 'simulated',
      acquire: (request) => through('acquire', (memory) => memory.acquire(request)),
      acquireAll: (requests) => through('acquireAll', () => this.#memory.acquireAll(requests)),
      cancelWait: (waiter) => through('cancelWait', (memory) => memory.cancelWait(waiter)),
      extend: (requests) => through('extend', (memory) => memory.extend(requests)),
      release: (requests) => through('release', (memory) => memory.release(requests)),
      inspect: (key) => through('inspect', (memory) => memory.inspect(key)),
      releaseSession: (session) => through('releaseSession', (memory) => memory.releaseSession(session)),
      forceRelease: (key, options) => through('forceRelease', (memory) => memory.forceRelease(key, options)),
      list: (filter) => this.#list(filter),
      watch: (listener) => {
        this.#listeners.set(listener, this.#memory.watch(listener));
        return () => {
          this.#listeners.get(listener)?.();
          this.#listeners.delete(listener);
        };
      },
      // Instances come and go; the data stay.
      close: async () => {},
    });
  }

  async *#list(filter: Parameters<LockStore['list']>[0]): ReturnType<LockStore['list']> {
    const states = await this.#request('list', async (memory) => {
      const all = [];
      for await (const state of memory.list(filter)) all.push(state);
      return all;
    });
    yield* states;
  }

  async #request<T>(call: Call, run: (memory: LockStore) => Promise<T>): Promise<T> {
    this.#requests += 1;
    let cut: () => void = () => {};
    const lost = new Promise<never>((_resolve, reject) => {
      cut = () => reject(unreachable());
    });
    this.#cut.add(cut);
    const work = async (): Promise<T> => {
      if (this.#away) throw unreachable();
      await this.#silence?.over;
      const value = await run(this.#memory);
      // A reply takes longer than the step it tells of, as over a network.
      await new Promise(setImmediate);
      if (this.#loseReply && !readOnly.includes(call)) {
        this.#loseReply();
        this.#loseReply = undefined;
        throw unreachable();
      }
      return value;
    };
    try {
      return await Promise.race([work(), lost]);
    } finally {
      this.#cut.delete(cut);
    }
  }

  #silent(): void {
    let end = (): void => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#silence = {
      over,
      end: () => {
        this.#silence = undefined;
        end();
      },
    };
  }

  #cutAll(): void {
    for (const cut of this.#cut) cut();
  }

  #forget(): void {
    this.#memory = memoryLockStore();
    for (const [listener, unwatch] of this.#listeners) {
      unwatch();
      this.#listeners.set(listener, this.#memory.watch(listener));
    }
  }
}

function unreachable(): StoreError {
  return new StoreError('The simulated server is not reachable', { store: 'simulated', kind: 'connection' });
}
