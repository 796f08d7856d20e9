import { startRedis } from '@headgate/test-servers';
import { exponentOf, shapeOf } from '../growth.js';
import * as workloads from './scale-workloads.js';
import type { Contestant, Row, Table, Workload } from '../table.js';

/** One thing that grows, and what an operation then costs. */
interface Series {
  readonly id: string;
  readonly title: string;
  readonly x: string;
  readonly unit: string;
  readonly counts: readonly number[];
  readonly at: (count: number) => Contestant;
  /** Where the fit begins; at the first count by default. */
  readonly fitFrom?: number;
  readonly apart?: boolean;
}

const decision = 'µs per decision';

const series: readonly Series[] = [
  {
    id: 'keys',
    title: 'Keys in memory',
    x: 'keys',
    unit: decision,
    counts: [1_000, 10_000, 100_000, 1_000_000],
    at: workloads.keysInMemory,
  },
  {
    id: 'limits-memory',
    title: 'Limits per policy, in memory',
    x: 'limits',
    unit: decision,
    counts: [1, 2, 4, 8],
    at: workloads.limitsInMemory,
    fitFrom: 2,
  },
  {
    id: 'limits-redis',
    title: 'Limits per policy, Redis',
    x: 'limits',
    unit: decision,
    counts: [1, 2, 4, 8],
    at: workloads.limitsInRedis,
  },
  {
    id: 'callers',
    title: 'Callers, Redis',
    x: 'callers',
    unit: decision,
    counts: [1, 4, 16, 64, 256, 1_024, 4_096],
    at: workloads.callers,
  },
  {
    id: 'processes',
    title: 'Processes of 64 callers, Redis',
    x: 'processes',
    unit: decision,
    counts: [1, 2, 4, 8],
    at: workloads.processes,
  },
  {
    id: 'held',
    title: 'Locks held meanwhile, Redis',
    x: 'locks held',
    unit: 'µs per acquire and release',
    counts: [1, 10, 100, 1_000, 10_000],
    at: workloads.locksHeld,
    apart: true,
  },
  {
    id: 'waiters',
    title: 'Waiters for one lock in up to 4 processes, Redis',
    x: 'waiters',
    unit: 'µs per hand-off',
    counts: [1, 10, 100, 1_000],
    at: (count) => workloads.waiters(count, Math.min(count, 4)),
  },
  {
    id: 'queue',
    title: 'Processes that wait for one lock, Redis',
    x: 'processes',
    unit: 'µs per hand-off',
    counts: [2, 8, 32, 128],
    at: (count) => workloads.waiters(count, count),
  },
];

/** How costs grow. */
export const scale: Table = {
  name: 'scale',
  title: 'How cost grows',
  about:
    'What one operation costs while something grows. The exponent is the slope of log cost over log x by least squares: 0 is constant, 1 linear. Contestants are the points ' +
    'of a series and take turns. Keys in memory: every call takes the same steps, and what grows is cache misses. Limits in memory: a single token bucket is decided on packed numbers, a policy of ' +
    'several by the general algorithm, a step up from which the fit begins. Callers share requests, so a decision gets cheaper as they become more. Processes: the time per decision of all together, on the cores of one machine. ' +
    'Locks held: 16 callers take and release further locks while those are kept alive. Waiters: contenders with no work while they hold the lock; here a process is a lock manager with connections of its own.',
  packages: ['@headgate/memory', '@headgate/redis', 'ioredis'],
  async setup() {
    const server = await startRedis();
    return { env: { url: server.url }, stop: () => server.stop() };
  },
  workloads: series.map(
    ({ id, title, unit, counts, at, apart = false }): Workload => ({
      id,
      title,
      unit,
      rounds: { count: 5, ms: 300 },
      apart,
      contestants: Object.fromEntries(counts.map((count) => [String(count), at(count)])),
    }),
  ),
  plots: series.map(({ id, title, x, unit }) => ({ workload: id, title, x, y: unit })),
  rows: series.map(
    ({ id, title, counts, fitFrom = 0 }): Row => ({
      title,
      unit: 'exponent',
      must: { atMost: 1.15 },
      value: ({ median }) => {
        const exponent = exponentOf(
          counts.filter((count) => count >= fitFrom).map((count) => [count, median(id, String(count))] as const),
        );
        return { value: exponent, against: shapeOf(exponent) };
      },
    }),
  ),
};
