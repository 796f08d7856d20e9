// A process of its own for the limiter suite: node limiter-holder.mjs <url or nodes> <prefix>
import { serveLimiterStore } from '@headgate/conformance';
import { redisLimiterStore } from '@headgate/redis';
import { openClient } from './open-client.mjs';

const [address, prefix] = process.argv.slice(2);
serveLimiterStore(redisLimiterStore({ client: openClient(address), prefix }));
