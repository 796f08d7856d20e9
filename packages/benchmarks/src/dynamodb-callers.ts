// A process of callers on one hot key: node dynamodb-callers.js <endpoint> <callers>. Each {ms} it is sent is one round; it answers with its decisions and requests.
import { parentLink } from '@headgate/test-servers';
import { concurrently } from './concurrent.js';
import { headgateLimiter } from './tables/dynamodb-headgate.js';

const [endpoint, callers] = process.argv.slice(2) as [string, string];
const { limiter, requests, close } = headgateLimiter(endpoint, 500_000);
const { send, messages } = parentLink();
const { round } = concurrently(Number(callers), () => limiter.consume('hot-4'));
await limiter.peek('hot-4');
send({ ready: true });
for await (const message of messages) {
  const { ms } = message as { ms: number };
  const before = requests();
  const began = performance.now();
  const { value } = await round(ms);
  send({ decisions: (value * (performance.now() - began)) / 1000, requests: requests() - before });
}
await close();
