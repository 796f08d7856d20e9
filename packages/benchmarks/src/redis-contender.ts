// A process of contenders for one lock: node redis-contender.js <url> <contenders>. Each {ms} it is sent is one round; it answers with each contender's turns.
import { parentLink } from '@headgate/test-servers';
import { headgateLocks } from './tables/redis-headgate.js';

const [url, count] = process.argv.slice(2) as [string, string];
const { locks, close } = headgateLocks(url);
const { send, messages } = parentLink();
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
  const turns = await Promise.all(Array.from({ length: Number(count) }, contender));
  send({ turns, elapsedMs: performance.now() - began });
}
await close();
