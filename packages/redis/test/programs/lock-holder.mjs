// A process of its own for the lock suite: node lock-holder.mjs <url or nodes> <prefix>
import { serveLockStore } from '@headgate/conformance';
import { redisLockStore } from '@headgate/redis';
import { openClient } from './open-client.mjs';

const [address, prefix] = process.argv.slice(2);
serveLockStore(redisLockStore({ client: openClient(address), prefix }));
