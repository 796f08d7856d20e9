import type { Hooks, LimiterStore, LockStore } from '@headgate/core';
import type { Config } from './config.js';

/** The stores of one instance and how to end them with their connections. */
export interface Stores {
  readonly limiterStore: LimiterStore;
  readonly lockStore: LockStore;
  close(): Promise<void>;
}

/** Opens the store that `STORE` names. Only that adapter and its driver are loaded. */
export async function openStores(config: Config, hooks: Hooks): Promise<Stores> {
  switch (config.store) {
    case 'memory':
      return openMemory(hooks);
    default:
      throw new Error(`STORE=${config.store} is not wired up yet`);
  }
}

async function openMemory(hooks: Hooks): Promise<Stores> {
  const { memoryLimiterStore, memoryLockStore } = await import('@headgate/memory');
  const limiterStore = memoryLimiterStore({ hooks });
  const lockStore = memoryLockStore();
  return {
    limiterStore,
    lockStore,
    close: async () => {
      await Promise.all([limiterStore.close(), lockStore.close()]);
    },
  };
}
