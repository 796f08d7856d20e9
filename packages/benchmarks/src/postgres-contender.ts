// A process of contenders for one lock: node postgres-contender.js <url> <contenders> headgate|bare|waiting. Each {ms} it is sent is one round, answered with
// each contender's turns; of `waiting` contenders nobody ever gets the lock, and the statements sent are told.
import { parentLink } from '@headgate/test-servers';
import { bareAdvisoryLock } from './tables/postgres-contestants.js';
import { countStatements, headgateLocks } from './tables/postgres-headgate.js';

const [url, count, kind] = process.argv.slice(2) as [string, string, 'headgate' | 'bare' | 'waiting'];
const contenders = Number(count);
const statements = countStatements();
const { locks, close } = headgateLocks(url);
const bare = kind === 'bare' ? await Promise.all(Array.from({ length: contenders }, () => bareAdvisoryLock(url))) : [];

async function take(contender: number): Promise<() => Promise<unknown>> {
  const own = bare[contender];
  if (own) return own.take();
  const lock = await locks.acquire('key', { waitMs: 60_000 });
  return () => lock.release();
}

async function contend(contender: number, untilMs: number): Promise<number> {
  let turns = 0;
  while (performance.now() < untilMs) {
    const release = await take(contender);
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
    turns++;
    await release();
  }
  return turns;
}

const { send, messages } = parentLink();
const each = Array.from({ length: contenders }, (_, i) => i);
if (kind === 'waiting') for (const _ of each) void locks.acquire('held', { waitMs: 600_000 }).catch(() => {}); // ends with the process
send({ ready: true });
for await (const message of messages) {
  const { ms } = message as { ms: number };
  const began = performance.now();
  const before = statements();
  if (kind === 'waiting') await new Promise((resolve) => setTimeout(resolve, ms));
  const turns = kind === 'waiting' ? [] : await Promise.all(each.map((i) => contend(i, began + ms)));
  send({ turns, elapsedMs: performance.now() - began, statements: statements() - before });
}
await Promise.all(bare.map((connection) => connection.close()));
await close();
