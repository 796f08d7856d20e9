import { startRedis } from '@headgate/test-servers';
import { closedLoop, openLoop } from '../latency.js';
import { keyOf, plenty, url } from './given.js';
import { rateLimitRedis } from './rate-limit-middleware.js';
import { rateLimiterFlexible } from './redis-contestants.js';
import { headgateLimiter } from './redis-headgate.js';
import type { Runner, Table, Workload } from '../table.js';

const callers = [1, 16, 256, 2_048];
const rates = [5_000, 20_000];

type Loop = (call: (n: number) => Promise<unknown>) => Pick<Runner, 'round'>;

function workload(id: string, title: string, loop: Loop): Workload {
  return {
    id,
    title,
    unit: 'µs, p99',
    rounds: { count: 5, ms: 500 },
    contestants: {
      async headgate(env) {
        const { limiter, close } = headgateLimiter(url(env), plenty);
        return { ...loop((n) => limiter.consume(keyOf(n))), close };
      },
      async 'rate-limiter-flexible'(env) {
        const { consume, close } = rateLimiterFlexible(url(env), plenty * 100);
        return { ...loop((n) => consume(keyOf(n))), close };
      },
      async 'rate-limit-redis'(env) {
        const { consume, close } = rateLimitRedis(url(env));
        return { ...loop((n) => consume(keyOf(n))), close };
      },
    },
  };
}

const closed = callers.map((count) =>
  workload(`closed-${count}`, `${count.toLocaleString('en-US')} at a time`, (call) => closedLoop(count, call)),
);
const open = rates.map((rate) =>
  workload(`open-${rate}`, `${rate.toLocaleString('en-US')} a second`, (call) => openLoop(rate, call)),
);

/** How long a decision over Redis takes. */
export const latency: Table = {
  name: 'latency',
  title: 'Latency over Redis',
  about:
    'Decisions over 10,000 keys on one Redis server on 127.0.0.1. "At a time" is a closed loop: so many callers, each awaiting its decision before the next. ' +
    '"A second" is an open loop: calls come at a fixed rate whatever becomes of earlier ones, and a time counts from the instant at which the call was due, so that a stall counts ' +
    'against every call that it delays. rate-limit-redis is what express-rate-limit uses. A ratio below 1 is in favour of Headgate. A percentile is the median of those of the rounds.',
  packages: ['@headgate/redis', 'rate-limiter-flexible', 'rate-limit-redis', 'ioredis'],
  async setup() {
    const server = await startRedis();
    return { env: { url: server.url }, stop: () => server.stop() };
  },
  workloads: [...closed, ...open],
  rows: [...closed, ...open].map(({ id, title }) => ({
    title: `p99, ${title}, to rate-limiter-flexible`,
    unit: 'x',
    value: ({ ratio }) => ratio([id, 'headgate'], [id, 'rate-limiter-flexible']),
  })),
};
