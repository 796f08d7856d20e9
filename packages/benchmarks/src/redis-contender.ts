// A process of contenders for one lock: node redis-contender.js <url> <contenders> [waiting]. Each {ms} it is sent is one round; it answers with each contender's
// turns; of `waiting` contenders nobody ever gets the lock.
import { parentLink } from '@headgate/test-servers';
import { headgateLocks } from './tables/redis-headgate.js';

const [url, count, kind] = process.argv.slice(2) as [string, string, 'waiting' | undefined];
const { locks, close } = headgateLocks(url);
const { send, messages } = parentLink();
const each = Array.from({ length: Number(count) });
if (kind === 'waiting') for (const _ of each) void locks.acquire('held', { waitMs: 600_000 }).catch(() => {}); // ends with the process
send({ ready: true });
for await (const message of messages) {
  const { ms } = message as { ms: number };
  const began = performance.now();
  const contender = async (): Promise<number> => {
    let turns = 0;
    while (performance.now() - began < ms) {
      const lock = await locks.acquire('key', { waitMs: 60_000 });
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
      turns++;
      await lock.release();
    }
    return turns;
  };
  if (kind === 'waiting') await new Promise((resolve) => setTimeout(resolve, ms));
  const turns = kind === 'waiting' ? [] : await Promise.all(each.map(contender));
  send({ turns, elapsedMs: performance.now() - began });
}
await close();
