// Starts a Redis, says where, and waits to be killed or to be told to end.
import { parentLink, startRedis } from '../../dist/index.js';

const { send, messages } = parentLink();
const server = await startRedis();
send({ pids: server.pids, port: server.port });
for await (const message of messages) {
  if (message === 'end') process.exit(0);
}
