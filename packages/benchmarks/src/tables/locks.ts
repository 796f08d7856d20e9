import { createLocks } from '@headgate/core';
import { memoryLockStore } from '@headgate/memory';
import { Mutex } from 'async-mutex';
import { contenders } from '../contenders.js';
import type { Table } from '../table.js';

/** Locks within one process. */
export const locks: Table = {
  name: 'locks',
  title: 'Locks in one process',
  about:
    '16 contenders on one key: each takes the lock, works for 1 ms (a timer), releases and contends again. Jain is the fairness index over their numbers of turns, 1 when all are equal. ' +
    'A lease of Headgate has a ttl, a deadline timer and a fencing token, which `async-mutex` does not have.',
  packages: ['@headgate/memory', 'async-mutex'],
  workloads: [
    {
      id: 'contended',
      title: '16 contenders, 1 ms of work',
      unit: 'hand-offs/s',
      rounds: { count: 9, ms: 1_000 },
      contestants: {
        async headgate() {
          const manager = createLocks({ name: 'bench', store: memoryLockStore(), ttlMs: 10_000 });
          return contenders(16, async () => {
            const lock = await manager.acquire('key', { waitMs: 60_000 });
            return () => lock.release();
          });
        },
        async 'async-mutex'() {
          const mutex = new Mutex();
          return contenders(16, () => mutex.acquire());
        },
      },
    },
  ],
  rows: [
    {
      title: 'hand-offs, to async-mutex',
      unit: 'x',
      must: { atLeast: 0.8 },
      value: ({ ratio }) => ratio(['contended', 'headgate'], ['contended', 'async-mutex']),
    },
    {
      title: "Jain's index over 16 contenders",
      unit: '',
      must: { atLeast: 0.99 },
      value: ({ median }) => median('contended', 'headgate', 'jain'),
    },
  ],
};
