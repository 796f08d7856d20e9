// A process of callers of one limiter over Redis: node decider-process.js <url> <callers>. Each {ms} it is sent is one round; it answers with the decisions made.
import { parentLink } from '@headgate/test-servers';
import { concurrently } from './concurrent.js';
import { keyOf, plenty } from './tables/given.js';
import { headgateLimiter } from './tables/redis-headgate.js';

const [url, callers] = process.argv.slice(2) as [string, string];
const { limiter, close } = headgateLimiter(url, plenty);
const { round } = concurrently(Number(callers), (n) => limiter.consume(keyOf(n)));
const { send, messages } = parentLink();
send({ ready: true });
for await (const message of messages) {
  const { value } = await round((message as { ms: number }).ms);
  send({ perSecond: value });
}
await close();
