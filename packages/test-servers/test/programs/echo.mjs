// Says what it was started with, then sends every message back; ends or fails when told to.
import { parentLink } from '../../dist/index.js';

const { send, messages } = parentLink();
send({ args: process.argv.slice(2), greeting: process.env.GREETING });
for await (const message of messages) {
  if (message === 'fail') throw new Error('told to fail');
  send({ echo: message });
}
