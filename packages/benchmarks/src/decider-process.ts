// A process of callers of one limiter over Redis: node decider-process.js <url> <callers>. Each {ms} it is sent is one round; it answers with the decisions made.
import { parentLink } from '@headgate/test-servers';
import { concurrently } from './concurrent.js';
import { userKeys } from './loops.js';
import { headgateLimiter } from './tables/redis-headgate.js';

const [url, callers] = process.argv.slice(2) as [string, string];
const { limiter, close } = headgateLimiter(url, 500_000);
const keys = userKeys(10_000);
const { round } = concurrently(Number(callers), (n) => limiter.consume(keys[(n * 7919) % keys.length] as string));
const { send, messages } = parentLink();
send({ ready: true });
for await (const message of messages) {
  const { value } = await round((message as { ms: number }).ms);
  send({ perSecond: value });
}
await close();
